// The record page and the portal page refresh parts of themselves and open what the app asks for.

for (const part of document.querySelectorAll('[data-refresh]')) {
  let shown;
  setInterval(async () => {
    if (document.hidden) return;
    const text = await fetchText(part.dataset.refresh);
    if (text === undefined || text === shown) return;
    // The first answer equals what the server rendered; writing it again would disturb a screen reader.
    if (shown !== undefined || normal(text) !== normal(part.innerHTML)) part.innerHTML = text;
    shown = text;
  }, 1000);
}

const cardPart = document.querySelector('[data-card]');
const cardMessage = document.querySelector('[data-card-message]');
const frameDialog = document.querySelector('[data-frame-dialog]');
const confirmDialog = document.querySelector('[data-confirm-dialog]');

if (cardPart) {
  loadCard();
  document.querySelector('[data-reload-card]').addEventListener('click', loadCard);
  document.addEventListener('click', onClick);
  window.addEventListener('message', onMessage);
  frameDialog.addEventListener('close', () => {
    frameDialog.querySelector('iframe').src = 'about:blank';
    afterAction();
  });
  document.addEventListener('formdata', sendChangesOnly);
}

// The button whose action is under way: once the card is made anew, the one in its place gets the focus back.
let pressed;

async function loadCard() {
  cardPart.setAttribute('aria-busy', 'true');
  const text = await fetchText(cardPart.dataset.card);
  cardPart.innerHTML = text ?? '<p class="alert" role="alert">The sandbox does not answer.</p>';
  cardPart.removeAttribute('aria-busy');
}

async function afterAction() {
  await Promise.all([loadCard(), loadRecord()]);
  const buttons = [...cardPart.querySelectorAll('button')];
  const inItsPlace = buttons.find(({ textContent }) => textContent === pressed) ?? buttons[0];
  if (document.activeElement === document.body) inItsPlace?.focus();
}

// The record as the app has left it; what a person is typing stays.
async function loadRecord() {
  const about = document.querySelector('[data-about]');
  if (fieldsOf(about.querySelector('[data-edit]')).some(isChanged)) return;
  const text = await fetchText(location.href);
  const fresh = new DOMParser().parseFromString(text ?? '', 'text/html').querySelector('[data-about]');
  if (fresh) about.innerHTML = fresh.innerHTML;
}

// The others may have been changed by the app meanwhile. After a refusal none is stored yet, so all are sent.
function sendChangesOnly({ target, formData }) {
  if (target.dataset.edit !== '') return;
  for (const field of fieldsOf(target)) if (!isChanged(field)) formData.delete(field.name);
}

function fieldsOf(form) {
  return [...form.elements].filter(({ name }) => name);
}

function isChanged(field) {
  if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
}

function onClick(event) {
  const button = event.target.closest('button');
  if (!button) return;
  if (cardPart.contains(button)) pressed = button.textContent;
  if (button.dataset.frame) openFrame(button.dataset);
  if (button.dataset.hook) runHook(JSON.parse(button.dataset.hook));
  if (button.matches('[data-close]')) button.closest('dialog').close();
}

function openFrame({ frame, width, height, label }) {
  const iframe = frameDialog.querySelector('iframe');
  frameDialog.querySelector('h2').textContent = label;
  iframe.title = label;
  iframe.style.width = `${width}px`;
  iframe.style.height = `${height}px`;
  iframe.src = frame;
  frameDialog.showModal();
}

// The framed page says that it is done: {"action": "DONE"} or "CANCEL", as text.
function onMessage(event) {
  if (event.source !== frameDialog.querySelector('iframe').contentWindow) return;
  let data = event.data;
  try {
    if (typeof data === 'string') data = JSON.parse(data);
  } catch {
    return;
  }
  if (data?.action === 'DONE' || data?.action === 'CANCEL') frameDialog.close();
}

async function runHook(action) {
  if (action.type === 'CONFIRMATION_ACTION_HOOK' && !(await confirmed(action))) return;
  cardMessage.textContent = 'Sending…';
  try {
    const response = await fetch(`${document.querySelector('[data-record]').dataset.record}/card-action`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(action),
    });
    cardMessage.textContent = (await response.json()).message;
  } catch {
    cardMessage.textContent = 'The sandbox does not answer.';
  }
  await afterAction();
}

function confirmed({ confirmationMessage, confirmButtonText, cancelButtonText }) {
  const confirm = confirmDialog.querySelector('[data-confirm]');
  confirmDialog.querySelector('[data-confirm-text]').textContent = confirmationMessage;
  confirmDialog.querySelector('[data-close]').textContent = cancelButtonText;
  confirm.textContent = confirmButtonText;
  confirmDialog.returnValue = '';
  confirmDialog.showModal();
  return new Promise((resolve) => {
    confirm.addEventListener('click', () => confirmDialog.close('confirm'), { once: true });
    confirmDialog.addEventListener('close', () => resolve(confirmDialog.returnValue === 'confirm'), {
      once: true,
    });
  });
}

async function fetchText(url) {
  try {
    const response = await fetch(url);
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

function normal(html) {
  return html.replace(/\s+/g, ' ').trim();
}
