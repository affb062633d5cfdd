/* What scripts add to the panel: live progress, keys without a reload, a clock
   in the last seconds. Every page works without it; it never decides anything.
   ES5 for the oldest engines; the sizes of its texts come from the server. */
(function () {
  'use strict';

  var body = document.body;
  var base = body.getAttribute('data-base');
  var watch = body.getAttribute('data-watch');
  var rev = body.getAttribute('data-rev');
  var left = parseInt(body.getAttribute('data-left'), 10);
  var start = new Date().getTime();
  var open = left >= 0;
  var warnAt = 15;
  var reported = start;
  var gone = false;

  function byId(id) { return document.getElementById(id); }
  function now() { return new Date().getTime(); }

  function setText(node, text) {
    if (!node) { return; }
    while (node.firstChild) { node.removeChild(node.firstChild); }
    node.appendChild(document.createTextNode(text));
  }

  function addClass(node, name) {
    if ((' ' + node.className + ' ').indexOf(' ' + name + ' ') < 0) { node.className += ' ' + name; }
  }
  function dropClass(node, name) {
    node.className = (' ' + node.className + ' ').replace(' ' + name + ' ', ' ').replace(/^ +| +$/g, '');
  }

  function on(node, event, fn) {
    if (node.addEventListener) { node.addEventListener(event, fn, false); }
  }

  function go(url) {
    if (gone) { return; }
    gone = true;
    window.location.replace(url);
  }
  function home() { go(base + '?r=1'); }
  function reload() {
    var here = window.location.pathname + window.location.search;
    if (here.indexOf('r=1') < 0) { here += (here.indexOf('?') < 0 ? '?' : '&') + 'r=1'; }
    go(here);
  }

  /* The time that is left. */
  function secondsLeft() { return left - Math.floor((now() - start) / 1000); }
  function setLeft(n) { left = n; start = now(); }
  function clock() {
    var n = Math.max(0, secondsLeft());
    if (!open) { return; }
    setText(byId('left'), n);
    setText(byId('count'), n);
    setText(byId('until'), Math.floor(n / 60) + ':' + (n % 60 < 10 ? '0' : '') + n % 60);
    if (!byId('count')) {
      if (n <= warnAt) { addClass(body, 'warn'); } else { dropClass(body, 'warn'); }
    }
    if (n <= 0) { home(); }
  }

  /* A tap that loads no page still is one: the server is told, not too often. */
  function tapped() {
    var form = byId('more');
    var request;
    if (!form || !window.XMLHttpRequest || now() - reported < 5000) { return; }
    reported = now();
    request = new XMLHttpRequest();
    request.open('POST', form.getAttribute('action'), true);
    request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
    request.onreadystatechange = function () {
      if (request.readyState === 4 && request.status === 204) { setLeft(full); clock(); }
    };
    request.send('quiet=1&csrf=' + encodeURIComponent(form.elements.csrf.value));
  }
  var full = Math.max(left, 60);

  /* Keys write into the field, where there are two into the last one touched. */
  function keypad() {
    var form = byId('dial');
    var field = byId('number');
    var again = byId('again');
    if (!form || !field) { return; }
    if (again) {
      on(field, 'focus', function () { field = byId('number'); });
      on(again, 'focus', function () { field = again; });
    }
    on(form, 'click', function (event) {
      var key = event.target;
      while (key && key !== form && key.tagName !== 'BUTTON') { key = key.parentNode; }
      if (!key || key.name !== 'key') { return; }
      event.preventDefault();
      if (key.value === 'del') {
        field.value = field.value.slice(0, -1);
      } else if (field.value.length < parseInt(field.getAttribute('maxlength'), 10)) {
        field.value += key.value;
      }
      setText(byId('said'), '');
      tapped();
    });
    on(form, 'input', tapped);
  }

  /* A second tap on a button of the way forward is the same tap. */
  function once() {
    var forms = document.getElementsByTagName('form');
    var i;
    function guard(form) {
      var sent = 0;
      on(form, 'submit', function (event) {
        if (now() - sent < 1500) { event.preventDefault(); return; }
        sent = now();
      });
    }
    for (i = 0; i < forms.length; i += 1) { guard(forms[i]); }
  }

  /* What the server says about the state. */
  function thumbs(list) {
    var strip = byId('strip');
    var room, i, box, img, b;
    if (!strip) { return; }
    room = parseInt(strip.getAttribute('data-room'), 10);
    for (i = 0; i < list.length; i += 1) {
      box = byId('page' + list[i].n);
      if (!box && body.className.indexOf('scanning') >= 0 && i >= list.length - room) {
        box = document.createElement('a');
        box.className = 'thumb';
        box.id = 'page' + list[i].n;
        b = document.createElement('b');
        setText(b, list[i].n);
        box.appendChild(b);
        strip.appendChild(box);
        while (strip.getElementsByTagName('a').length > room) { strip.removeChild(strip.getElementsByTagName('a')[0]); }
      }
      if (box && list[i].src && box.getElementsByTagName('img').length === 0) {
        img = document.createElement('img');
        img.alt = '';
        img.src = list[i].src;
        box.insertBefore(img, box.firstChild);
      }
    }
  }

  function take(text) {
    var state, i, node, words;
    try { state = JSON.parse(text); } catch (ignore) { return; }
    if (state.v !== 1) { reload(); return; }
    if (state.go && state.go.indexOf(base) === 0) { go(state.go); return; }
    if (state.ended) { home(); return; }
    /* Counted for whoever looks from outside. */
    body.setAttribute('data-news', (parseInt(body.getAttribute('data-news'), 10) || 0) + 1);
    setLeft(state.left);
    if (watch && state.rev && state.rev !== rev) { reload(); return; }
    if (state.draft) {
      if (state.draft.status) { setText(byId('status'), state.draft.status); }
      setText(byId('stored'), state.draft.stored);
      thumbs(state.draft.thumbs || []);
    }
    for (i = 0; state.lines && i < state.lines.length; i += 1) {
      node = byId('line' + state.lines[i].r);
      words = node && node.getElementsByTagName('span');
      if (words && words.length > 1) { setText(words[words.length - 1], state.lines[i].text); }
    }
  }

  /* WebSocket, else polling, else loading the page again. */
  var address = '?on=' + encodeURIComponent(watch || '');

  function refresh() {
    var n = parseInt(body.getAttribute('data-refresh'), 10);
    if (n > 0) { window.setTimeout(reload, Math.max(n, 2) * 1000); }
  }

  function poll(failures) {
    var request;
    if (gone) { return; }
    body.setAttribute('data-live', 'poll');
    try {
      request = new XMLHttpRequest();
      request.open('GET', base + 'state' + address, true);
      request.onreadystatechange = function () {
        if (request.readyState !== 4 || gone) { return; }
        if (request.status === 200) {
          take(request.responseText);
          window.setTimeout(function () { poll(0); }, 1000);
        } else if (request.status === 0 || failures < 3) {
          /* Nobody there: the agent may be starting again. Loading the page
             now would leave the panel with the browser's own error. */
          window.setTimeout(function () { poll(failures + 1); }, 2000);
        } else {
          refresh();
        }
      };
      request.send(null);
    } catch (ignore) {
      refresh();
    }
  }

  function live() {
    var socket, worked = false;
    if (!watch) { return; }
    if (!window.WebSocket) { poll(0); return; }
    try {
      socket = new WebSocket((window.location.protocol === 'https:' ? 'wss://' : 'ws://') + window.location.host + base + 'live' + address);
    } catch (ignore) {
      poll(0);
      return;
    }
    socket.onmessage = function (event) {
      worked = true;
      body.setAttribute('data-live', 'socket');
      take(event.data);
    };
    socket.onclose = function () {
      /* One that worked and broke may work again; meanwhile polling does. */
      window.setTimeout(function () { poll(0); }, worked ? 200 : 0);
    };
    on(window, 'pagehide', function () { gone = true; socket.close(); });
  }

  addClass(body, 'scripts');
  keypad();
  once();
  live();
  if (open) { clock(); window.setInterval(clock, 500); }
}());
