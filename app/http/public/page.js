// Asks HubSpot to close the window that this page is shown in.
document.querySelector('[data-close]')?.addEventListener('click', () => {
  window.parent.postMessage(JSON.stringify({ action: 'DONE' }), '*');
});
