import { describe, expect, it } from '@jest/globals';
import { useCrmCommands } from './crm-commands.ts';

describe('npm run hubspot -- <pipelines, associations>', () => {
  const cli = useCrmCommands();
  const { run, json, problem, file } = cli;

  describe('pipelines', () => {
    it('are created, updated and deleted with their stages', async () => {
      const made = await json(
        ...['pipelines', 'create', 'deals', '--label', '更新'],
        ...['--stage', 'Open=0.5', '--stage', 'Won=1.0'],
      );
      expect(made.stages.map(({ label }: { label: string }) => label)).toEqual(['Open', 'Won']);
      await run('pipelines', 'update', 'deals', made.id, '--label', 'Renewals');
      const added = await json('pipelines', 'create-stage', 'deals', made.id, '--stage', 'Legal=0.7');
      await run('pipelines', 'update-stage', 'deals', made.id, added.id, '--label', 'Lawyers');
      await run('pipelines', 'delete-stage', 'deals', made.id, made.stages[0].id, '--yes');
      const { output } = await run('pipelines', 'get', 'deals', made.id);
      expect(output).toMatch(/Renewals +\d+ +Lawyers +\d+ +0\.7/);
      expect(output).not.toContain('Open');
      await run('pipelines', 'delete', 'deals', made.id, '--yes');
      expect(await problem('pipelines', 'get', 'deals', made.id)).toContain('404');
    });

    it('reject invalid options before anything is sent', async () => {
      const requests = await cli.world.requestsOf(async () => {
        const ordered = ['pipelines', 'create', 'deals', '--label', 'x', '--stage', 'A=0.1', '--order'];
        expect(await problem(...ordered, 'abc')).toContain('a whole number from 0');
        const stages = ['--stage', 'A=0.1', '--stage', 'B=0.2'];
        expect(await problem('pipelines', 'create-stage', 'deals', 'default', ...stages)).toContain(
          'can be given once',
        );
        expect(await problem('pipelines', 'update', 'deals', 'default')).toContain('Nothing to change');
        expect(await problem('pipelines', 'update-stage', 'deals', 'default', 'closedwon')).toContain(
          'Nothing to change',
        );
        const label = ['associations', 'delete-label', 'contacts', 'companies'];
        expect(await problem(...label, 'abc')).toContain('a whole number from 1');
        expect(await problem('associations', 'limit', 'contacts', 'companies', '1.5')).toContain(
          'a whole number',
        );
      });
      expect(requests).toEqual([]);
    });
  });

  describe('labels of associations', () => {
    it('are created, used by name and deleted', async () => {
      const names = ['--name', 'advisor', '--label', 'Advisor'];
      const [label] = await json('associations', 'create-label', 'contacts', 'companies', ...names);
      await run('associations', 'create', 'contacts:102', 'companies:301', '--label', 'advisor');
      const { output } = await run('associations', 'list', 'contacts:102', 'companies');
      expect(output).toContain('Advisor');
      expect(
        await problem('associations', 'create', 'contacts:102', 'companies:301', '--label', 'Friend'),
      ).toContain('There is no label "Friend"');
      await run('associations', 'delete-label', 'contacts', 'companies', String(label.typeId), '--yes');
      const { output: left } = await run('associations', 'labels', 'contacts', 'companies');
      expect(left).not.toContain('Advisor');
    });
  });

  describe('limits of associations', () => {
    it('are set, changed, shown and removed', async () => {
      const limit = (...options: string[]) =>
        run('associations', 'limit', 'contacts', 'companies', '279', ...options);
      const shown = async () => {
        const kinds = await json('associations', 'limits', 'contacts', 'companies');
        return kinds.find(({ typeId }: { typeId: number }) => typeId === 279).limit;
      };
      expect((await limit('--max', '3')).output).toContain('The kind 279 is limited to 3.');
      expect(await shown()).toBe(3);
      await limit('--max', '4');
      expect(await shown()).toBe(4);
      expect((await limit()).output).toContain('without a limit');
      expect(await shown()).toBeUndefined();
      expect(await problem('associations', 'limit', 'contacts', 'companies', '279', '--max', '0')).toContain(
        'a whole number from 1',
      );
      expect(await problem('associations', 'limit', 'contacts', 'companies', '7', '--max', '1')).toContain(
        'The kind 7 from contacts to companies does not exist',
      );
    });
  });

  describe('--dry-run', () => {
    it('prints every request and sends none', async () => {
      const rows = Array.from({ length: 120 }, (_, at) => `{"email":"dry${at}@example.com"}`).join('\n');
      const many = await file('many.jsonl', rows);
      const requests = await cli.world.requestsOf(async () => {
        const one = await run(
          'deals',
          'create',
          '--stage',
          'Contract Sent',
          '--property',
          'dealname=Dry',
          '--dry-run',
        );
        expect(one.output).toContain('GET /crm/pipelines/2026-09/deals');
        expect(one.output).toContain('POST /crm/objects/2026-09/0-3\n{');
        expect(one.output).toContain('"dealstage": "<id of Contract Sent>"');
        expect(one.output).toMatch(/Nothing was sent\.$/);
        const read = await run('contacts', 'get', '1', '--properties', 'email', '--dry-run');
        expect(read.output).toMatch(/^GET \/crm\/objects\/2026-09\/contacts\/1\?properties=email\n/);
        const batch = await json('contacts', 'create-or-update', '--file', many, '--dry-run');
        expect(batch.requests.map(({ body }: { body: { inputs: [] } }) => body.inputs.length)).toEqual([
          100, 20,
        ]);
      });
      expect(requests).toEqual([]);
    });

    const associate = ['associations', 'create', 'contacts:102', 'companies:301'];
    it.each([
      [
        'a label',
        [...associate, '--label', 'advisor'],
        ['GET', 'PUT'],
        [
          {
            associationCategory: '<category of the label "advisor">',
            associationTypeId: '<type id of the label "advisor">',
          },
        ],
      ],
      [
        'a limit',
        ['associations', 'limit', 'contacts', 'companies', '279', '--max', '3'],
        ['GET', 'POST'],
        { inputs: [{ category: '<category of the kind 279>', typeId: 279, maxToObjectIds: 3 }] },
      ],
      [
        'a stage',
        ['pipelines', 'update-stage', 'tickets', '0', '1', '--label', 'Started'],
        ['GET', 'PATCH'],
        { metadata: { ticketState: '<its present value>' }, label: 'Started' },
      ],
      [
        'a record that belongs to another',
        ['notes', 'create', '--property', 'hs_timestamp=0', '--associate', 'contacts:101'],
        ['GET', 'POST'],
        {
          properties: { hs_timestamp: '0' },
          associations: [
            {
              to: { id: '101' },
              types: [
                {
                  associationCategory: '<category of the association without a label>',
                  associationTypeId: '<type id of the association without a label>',
                },
              ],
            },
          ],
        },
      ],
    ])(
      'prints the write of %s, with placeholders for values of earlier responses',
      async (_, args, methods, body) => {
        const sent = await cli.world.requestsOf(async () => {
          const { requests } = await json(...args, '--dry-run');
          expect(requests.map(({ method }: { method: string }) => method)).toEqual(methods);
          expect(requests.at(-1).body).toEqual(body);
        });
        expect(sent).toEqual([]);
      },
    );
  });
});
