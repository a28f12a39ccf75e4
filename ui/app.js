// The window: the state comes in whole, and is drawn whole. What stays on the screen stays the same element, so the
// focus, the scroll position and the row under the pointer are kept.
import { hear, patch, h } from './dom.js';
import { watchPointer } from './hold.js';
import * as ipc from './ipc.js';
import { listenToKeys } from './keys.js';
import * as words from './strings.js';
import { changed, failed, go, nameOf, onChange, openTest, told, view } from './view.js';
import * as chrome from './parts/chrome.js';
import { sheet } from './parts/sheets.js';
import { healthPage } from './pages/health.js';
import { needPage } from './pages/need.js';
import { outboxPage } from './pages/outbox.js';
import { receiptsPage } from './pages/receipts.js';
import { rulesPage } from './pages/rules.js';
import { runPage } from './pages/run.js';
import { runsPage } from './pages/runs.js';
import { sessionsPage } from './pages/sessions.js';
import { settingsPage } from './pages/settings.js';
import { setupPage } from './pages/setup.js';
import { signInPage } from './pages/sign-in.js';
import { testPage } from './pages/test.js';

/**
 * @typedef {import('./bindings.d.ts').WindowState} WindowState
 * @typedef {import('./dom.js').Child} Child
 * @typedef {{ key: string, first?: boolean, inside: Child[], bar?: Child[] }} Drawn
 */

/** Counters change in place, once a second. */
const TICK = 1000;

/** @param {string} id @returns {HTMLElement} */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const parts = { app: part('app'), header: part('header'), tabs: part('tabs'), strips: part('strips'), main: part('main'), bar: part('bar'), sheet: part('sheet'), status: part('status'), said: part('said') };

/** @type {WindowState | null} */
let state = null;
let goneTo = -1;
let shownKey = '';
let titleSpoken = '';
let testWas = false;
/** @type {Map<string, number>} */
const scrolled = new Map();
/** Who had the focus before the sheet. @type {HTMLElement | null} */
let opener = null;

/** @param {WindowState} now @returns {Drawn} */
function page(now) {
  if (now.screen === 'sign_in') return signInPage(now);
  if (now.screen === 'setup') return now.test && view.test ? testPage(now) : setupPage(now);
  if (view.test && now.test) return testPage(now);
  switch (view.page.page) {
    case 'health': return healthPage(now);
    case 'runs': return runsPage(now);
    case 'run': return runPage(now, view.page.run_id);
    case 'receipts': return receiptsPage(now);
    case 'sessions': return sessionsPage(now);
    case 'outbox': return outboxPage(now);
    case 'settings': return settingsPage(now);
    case 'need': return needPage(now, view.page.id);
    case 'rules': return rulesPage(now);
  }
}

function draw() {
  if (!state) return;
  view.now = Date.now();
  const now = state;
  const isBare = now.screen === 'sign_in' || now.screen === 'setup';
  parts.app.className = isBare ? 'app bare' : 'app';
  patch(parts.header, isBare ? [] : chrome.header(now));
  patch(parts.tabs, isBare ? [] : chrome.tabs(now));
  patch(parts.strips, isBare ? [] : chrome.strips(now));
  drawMain(page(now));
  drawSheet(now);
  speak(now, isBare);
}

/** @param {Drawn} drawn */
function drawMain({ key, first, inside, bar }) {
  const { main } = parts;
  const focused = document.activeElement?.getAttribute('data-row');
  const isOther = key !== shownKey;
  if (isOther) scrolled.set(shownKey, main.scrollTop);
  const anchor = isOther ? null : firstRow(main);
  patch(main, [h('div', { class: first ? 'page first' : 'page', key }, inside)]);
  parts.bar.hidden = bar === undefined;
  patch(parts.bar, bar ?? []);
  if (isOther) {
    main.scrollTop = scrolled.get(key) ?? 0;
    const isFirst = shownKey === '';
    shownKey = key;
    // A step of the first run is a page of its own; going from page to page sets the focus where it goes.
    if (first && !isFirst) focus('main');
    // What had the focus has gone with its page, which another one has taken the place of.
    else if (!isFirst && document.activeElement === document.body) main.focus({ preventScroll: true });
  } else if (anchor && anchor.row.isConnected) {
    main.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
  }
  // A run that has gone from one list to another keeps the focus, though its row is a new element.
  if (focused && document.activeElement === document.body) row(focused)?.focus({ preventScroll: true });
}

/** @param {string} id */
const row = (id) => /** @type {HTMLElement[]} */ ([...parts.main.querySelectorAll('[data-row]')]).find((row) => row.dataset.row === id);

/** The first row in view: it stays where it is when rows come above it. @param {HTMLElement} main */
function firstRow(main) {
  if (main.scrollTop === 0) return null;
  const top = main.getBoundingClientRect().top;
  for (const row of main.querySelectorAll('[data-row]')) {
    const at = row.getBoundingClientRect().top;
    if (at >= top) return { row, top: at };
  }
  return null;
}

/** @param {WindowState} now */
function drawSheet(now) {
  const shown = sheet(now);
  const was = parts.sheet.childElementCount > 0;
  if (shown && !was) opener = /** @type {HTMLElement | null} */ (document.activeElement);
  parts.app.inert = shown !== null;
  patch(parts.sheet, [shown]);
  if (shown && !was) /** @type {HTMLElement | null} */ (parts.sheet.querySelector('[data-name="stay"]'))?.focus();
  if (!shown && was) {
    if (opener?.isConnected) opener.focus();
    else parts.main.focus({ preventScroll: true });
    opener = null;
  }
}

/** The title is spoken when it changes, not when its seconds do. @param {WindowState} now @param {boolean} isBare */
function speak(now, isBare) {
  const shown = chrome.titleOf(now);
  document.title = isBare ? words.app.name : words.app.title(shown);
  if (now.header.title !== titleSpoken) {
    titleSpoken = now.header.title;
    parts.status.textContent = isBare ? '' : shown;
  }
  if (parts.said.textContent !== view.said) parts.said.textContent = view.said;
}

/** @param {string} where */
function focus(where) {
  const field = /** @type {HTMLElement | null} */ (parts.main.querySelector('.first #key'));
  const heading = document.getElementById('heading');
  if (where === 'heading' && heading) heading.focus({ preventScroll: true });
  else if (where === 'list') (/** @type {HTMLElement | null} */ (parts.main.querySelector('[data-row]')) ?? parts.main).focus();
  else if (field) field.focus();
  else parts.main.focus({ preventScroll: true });
}

/** @param {WindowState} next */
function take(next) {
  const isFirst = state === null;
  const isNewTest = next.test !== null && !testWas;
  testWas = next.test !== null;
  state = next;
  told(next);
  if (next.goto !== goneTo) {
    goneTo = next.goto;
    const isSame = nameOf(next.page) === nameOf(view.page);
    if (isFirst) view.page = next.page;
    else if (!isSame || view.test) go(next.page);
  }
  if (isNewTest && isFirst) view.test = true;
  else if (isNewTest) openTest(true);
  draw();
}

async function start() {
  onChange(draw, focus);
  hear(document.body);
  watchPointer(document.body, changed);
  listenToKeys(() => state);
  document.body.addEventListener('dragover', (event) => event.preventDefault());
  document.body.addEventListener('drop', (event) => event.preventDefault());
  setInterval(() => { if (!document.hidden) draw(); }, TICK);
  document.addEventListener('visibilitychange', draw);
  await ipc.listen(take);
  take(await ipc.ready());
  document.body.dataset.ready = '1';
}

start().catch(failed);
