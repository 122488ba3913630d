// Keyboard for lists and the review queue, and a zoom for pictures. Everything here has another way without scripts.
'use strict';

(() => {
  const typing = () => /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
  const plain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;

  // The list: j and k move, Enter opens, / goes to the filter.
  function listKeys() {
    const rows = [...document.querySelectorAll('table[data-rows] tbody tr')];
    const tiles = [...document.querySelectorAll('.tiles .tile')];
    let at = -1;
    const go = (to) => {
      if (rows.length === 0) return;
      [rows[at], tiles[at]].forEach((old) => old?.classList.remove('here'));
      at = Math.min(rows.length - 1, Math.max(0, to));
      [rows[at], tiles[at]].forEach((now) => now?.classList.add('here'));
      rows[at].querySelector('a').focus({ preventScroll: true });
      rows[at].scrollIntoView({ block: 'nearest' });
      tiles[at]?.scrollIntoView({ block: 'nearest' });
    };
    rows.forEach((row, index) => row.querySelector('a').addEventListener('focus', () => { if (index !== at) go(index); }));
    document.addEventListener('keydown', (event) => {
      if (!plain(event)) return;
      if (event.key === 'Escape' && typing()) document.activeElement.blur();
      if (typing()) return;
      if (event.key === '/') {
        event.preventDefault();
        document.querySelector('form.filter input[name=label]')?.focus();
      } else if (event.key === 'j') go(at + 1);
      else if (event.key === 'k') go(at - 1);
      else if (event.key === 'n') document.querySelector('a[rel=next]')?.click();
      else if (event.key === 'p') document.querySelector('a[rel=prev]')?.click();
    });
  }

  // The queue: j and k move, the letter of an answer gives it, L and R go to label and reason.
  function queueKeys() {
    const cards = [...document.querySelectorAll('[data-cards] .part')];
    if (cards.length === 0) return;
    const current = () => document.activeElement?.closest('.part') ?? null;
    const go = (to) => cards[Math.min(cards.length - 1, Math.max(0, to))].focus();
    go(0);
    const answer = (card, key) => {
      const button = card.querySelector(`button[data-key="${key}"]`);
      const reason = card.querySelector('input[name=reason]');
      // Whoever disagrees with the station says why: first the reason, then Enter or the letter again.
      if (button.value !== card.dataset.station && reason.value.trim() === '') {
        card.dataset.wish = key;
        reason.focus();
        return;
      }
      card.querySelector('form').requestSubmit(button);
    };
    cards.forEach((card) => {
      card.querySelector('input[name=reason]').addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' || !card.dataset.wish) return;
        event.preventDefault();
        answer(card, card.dataset.wish);
      });
    });
    document.addEventListener('keydown', (event) => {
      if (!plain(event)) return;
      const card = current();
      if (event.key === 'Escape' && card) card.focus();
      if (typing()) return;
      const key = event.key.toUpperCase();
      if (key === 'J') go(cards.indexOf(card) + 1);
      else if (key === 'K') go(cards.indexOf(card) - 1);
      else if (card && ['G', 'D', 'U'].includes(key)) {
        // Or the letter would be typed into the reason that it leads to.
        event.preventDefault();
        answer(card, key);
      } else if (card && (key === 'L' || key === 'R')) {
        event.preventDefault();
        card.querySelector(`input[name=${key === 'L' ? 'label' : 'reason'}]`).focus();
      } else if (card && event.key === 'Enter' && document.activeElement === card) card.querySelector('a.shot').click();
    });
  }

  // The detail page: wheel, + and - zoom at the pointer, dragging moves, a double click shows all of it again.
  function zoom() {
    const box = document.querySelector('.zoom-tools + .picture');
    if (!box) return;
    const view = { scale: 1, x: 0, y: 0 };
    const draw = () => {
      const limit = (value, size) => Math.min(0, Math.max(size * (1 - view.scale), value));
      view.x = limit(view.x, box.clientWidth);
      view.y = limit(view.y, box.clientHeight);
      box.classList.toggle('zoomed', view.scale > 1);
      [...box.children].forEach((child) => {
        child.style.transformOrigin = `${-child.offsetLeft || 0}px ${-child.offsetTop || 0}px`;
        child.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
      });
    };
    const by = (factor, x = box.clientWidth / 2, y = box.clientHeight / 2) => {
      const scale = Math.min(16, Math.max(1, view.scale * factor));
      view.x = x - ((x - view.x) * scale) / view.scale;
      view.y = y - ((y - view.y) * scale) / view.scale;
      view.scale = scale;
      draw();
    };
    box.addEventListener('wheel', (event) => {
      if (event.deltaY > 0 && view.scale === 1) return;
      event.preventDefault();
      const frame = box.getBoundingClientRect();
      by(event.deltaY < 0 ? 1.25 : 0.8, event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
    box.addEventListener('dblclick', () => { Object.assign(view, { scale: 1, x: 0, y: 0 }); draw(); });
    box.addEventListener('dragstart', (event) => event.preventDefault());
    box.addEventListener('pointerdown', (event) => {
      if (view.scale === 1) return;
      box.setPointerCapture(event.pointerId);
      box.classList.add('drag');
    });
    box.addEventListener('pointermove', (event) => {
      if (!box.classList.contains('drag')) return;
      view.x += event.movementX;
      view.y += event.movementY;
      draw();
    });
    ['pointerup', 'pointercancel'].forEach((name) => box.addEventListener(name, () => box.classList.remove('drag')));
    document.addEventListener('keydown', (event) => {
      if (typing() || !plain(event)) return;
      if (event.key === '+' || event.key === '=') by(1.25);
      else if (event.key === '-') by(0.8);
      else if (event.key === 'ArrowLeft') document.querySelector('a[rel=prev]')?.click();
      else if (event.key === 'ArrowRight') document.querySelector('a[rel=next]')?.click();
    });
  }

  document.addEventListener('DOMContentLoaded', () => { listKeys(); queueKeys(); zoom(); });
})();
