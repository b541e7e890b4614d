import { objectCases } from './objects.ts';

export const callCases = objectCases('calls', {
  create: { hs_call_title: '電話', hs_call_to_number: '03-1234-5678', hs_call_status: 'COMPLETED' },
  change: { hs_call_to_number: '06-1234-5678' },
  toContact: 194,
});

export const emailCases = objectCases('emails', {
  create: { hs_email_subject: 'Offer', hs_email_text: 'Dear Jane' },
  change: { hs_email_status: 'SENT' },
  toContact: 198,
  deletedForGood: true,
});

export const meetingCases = objectCases('meetings', {
  create: { hs_meeting_title: 'Demo', hs_meeting_start_time: '2026-12-01T09:00:00Z' },
  change: { hs_meeting_outcome: 'COMPLETED' },
  toContact: 200,
});

export const noteCases = objectCases('notes', {
  create: { hs_note_body: 'メモ' },
  change: { hs_note_body: 'メモ 2' },
  toContact: 202,
});

export const taskCases = objectCases('tasks', {
  create: { hs_task_subject: 'Call back', hs_task_type: 'CALL' },
  change: { hs_task_status: 'COMPLETED' },
  toContact: 204,
});
