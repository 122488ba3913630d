// Handing in a bundle: dropping it, how far it is, ending it. Without this file the form works as any other.
'use strict';

(() => {
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  const mebibytes = (bytes) => (bytes / 1048576).toFixed(1);

  function handIn(form) {
    const texts = form.dataset;
    const input = form.elements.bundle;
    const drop = form.querySelector('.drop');
    const upload = form.querySelector('.upload');
    const progress = upload.querySelector('progress');
    const stop = upload.querySelector('button');
    const told = form.querySelector('.told');
    const refused = form.querySelector('.refused');
    const submit = form.querySelector('button[type=submit]');
    let request = null;
    let looking = null;

    const say = (text) => { told.textContent = text; refused.textContent = ''; };
    const refuse = (text) => { told.textContent = ''; refused.textContent = text; };
    const look = () => window.htmx?.trigger('#deployments', 'look');

    /** Why this is no bundle to send; none where it may be one. The station looks at what it is. */
    function problem(files) {
      if (files.length !== 1) return texts.one;
      const [file] = files;
      if (!file.name.endsWith('.assay')) return fill(texts.kind, { name: file.name });
      if (file.size > Number(texts.max)) return fill(texts.large, { name: file.name, size: mebibytes(file.size) });
      return null;
    }

    function chosen(files) {
      const wrong = problem(files);
      if (wrong) {
        input.value = '';
        refuse(wrong);
      } else {
        say(`${files[0].name}, ${mebibytes(files[0].size)} MiB`);
      }
      return !wrong;
    }

    function over(on) {
      drop.classList.toggle('over', on);
    }

    function end() {
      clearInterval(looking);
      request = null;
      upload.hidden = true;
      submit.disabled = false;
      look();
    }

    function answered() {
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch (_) { /* not of the station */ }
      if (request.status >= 200 && request.status < 300 && answer) {
        say(fill(texts.received, { id: answer.id }));
        input.value = '';
      } else if (answer?.detail) {
        refuse(`${answer.title}: ${answer.detail}`);
      } else {
        refuse(texts.broken);
      }
      end();
    }

    function send(file) {
      request = new XMLHttpRequest();
      const query = new URLSearchParams({ reason: form.elements.reason.value });
      if (form.elements.shadow.checked) query.set('shadow', 'skip');
      request.open('POST', `/api/v1/deployments?${query}`);
      request.setRequestHeader('content-type', 'application/octet-stream');
      request.setRequestHeader('x-csrf-token', texts.token);
      request.upload.addEventListener('progress', (event) => {
        progress.value = event.total ? event.loaded / event.total : 0;
        say(fill(texts.sending, { sent: mebibytes(event.loaded), all: mebibytes(event.total) }));
      });
      request.upload.addEventListener('load', () => {
        // All of it is there: from here on it is a deployment, which is cancelled and not ended.
        stop.hidden = true;
        progress.removeAttribute('value');
        say(texts.checking);
        looking = setInterval(look, 250);
      });
      request.addEventListener('load', answered);
      request.addEventListener('error', () => { refuse(texts.broken); end(); });
      request.addEventListener('abort', () => { say(texts.ended); end(); });
      progress.value = 0;
      stop.hidden = false;
      upload.hidden = false;
      submit.disabled = true;
      request.send(file);
    }

    drop.querySelector('.drop-hint').hidden = false;
    input.addEventListener('change', () => { if (input.files.length) chosen(input.files); });
    // A file that misses the place would be opened in place of the page, and the form be lost.
    for (const name of ['dragover', 'drop']) window.addEventListener(name, (event) => event.preventDefault());
    drop.addEventListener('dragover', () => over(true));
    drop.addEventListener('dragleave', () => over(false));
    drop.addEventListener('drop', (event) => {
      over(false);
      if (request || !event.dataTransfer.files.length) return;
      // What is dropped is only chosen: sending it is a step of its own.
      if (chosen(event.dataTransfer.files)) input.files = event.dataTransfer.files;
      submit.focus();
    });
    stop.addEventListener('click', () => request?.abort());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!request && chosen(input.files)) send(input.files[0]);
    });
  }

  document.addEventListener('DOMContentLoaded', () => {
    const form = document.querySelector('#hand-in');
    if (form) handIn(form);
  });
})();
