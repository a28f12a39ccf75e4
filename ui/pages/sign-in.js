// First run, one card: how to sign in, and what came of it. The key is typed here and kept nowhere in the page.
import { h } from '../dom.js';
import { elapsed, spoken } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { act, view } from '../view.js';
import { card, icon, short } from '../parts/base.js';
import { back, button, field } from '../parts/controls.js';
import { failure, notice } from '../parts/notice.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').SignInStep} Step
 * @typedef {import('../dom.js').Child} Child
 */

const toChoice = () => back(words.signIn.back, () => { act('back', () => ipc.signInBack()); });

/** @param {string} heading @param {string} [text] */
const intro = (heading, text) => h('div', { class: 'intro', key: 'intro' }, h('h1', { id: 'heading', tabindex: '-1' }, heading), text && h('p', null, text));

/** @param {WindowState} now */
export function signInPage(now) {
  const { step } = now.sign_in;
  return { key: `sign-in-${step.step}`, first: true, inside: [failure(), card_(now, step)] };
}

/** @param {WindowState} now @param {Step} step @returns {Child} */
function card_(now, step) {
  switch (step.step) {
    case 'choose': return choose(now);
    case 'paste': return paste(now, step.error);
    case 'checking': return [toChoice(), intro(words.checking.heading, words.checking.text), waiting(step.words)];
    case 'pair_starting': return [toChoice(), intro(words.pairing.heading), waiting(words.pairing.starting)];
    case 'pairing': return pairing(step);
    case 'ended': return ended(step);
    case 'keychain': return keychain(step);
  }
}

/** @param {string} text */
const waiting = (text) => h('div', { class: 'group', key: 'waiting' }, h('div', { class: 'count', role: 'status' },
  h('span', { class: 'w' }, icon('spin', 'spin t-mute'), text)));

/** @param {WindowState} now */
function choose(now) {
  const { found, host } = now.sign_in;
  const about = found && (found.workspace === null ? [words.signIn.endingAlone(found.last4)] : [found.workspace, words.signIn.ending(found.last4)]).concat(words.signIn.from(found.from)).join(' · ');
  const canLeave = now.sandbox || now.sign_in.signed_out || now.sign_in.signed_in;
  return [
    canLeave ? back(words.signIn.leave, () => { act('back', () => ipc.signInBack()); }) : h('svg', { class: 'mark', viewBox: '0 0 16 16', 'aria-hidden': 'true', key: 'mark' }, h('use', { href: '#g-ready' })),
    intro(words.signIn.heading, words.signIn.text),
    found && h('div', { class: 'group', key: 'found' }, h('div', { class: 'offer' },
      icon('comp', 't-ink'), h('div', null, h('div', { class: 'l1' }, words.signIn.found), h('small', null, about)),
      button({ name: 'way-found', label: words.signIn.useFound, busy: words.signIn.useFoundBusy, kind: 'primary wide', on: () => ipc.signInStart('found') }))),
    h('div', { class: 'sec', key: 'ways' },
      card(
        way('browser', 'globe', words.signIn.browser, words.signIn.browserText),
        way('paste', 'key', words.signIn.paste, words.signIn.pasteText)),
      h('p', { class: 'foot' }, words.signIn.foot, ' ', host !== '' && words.signIn.goesTo(host))),
  ];
}

/**
 * @param {import('../bindings.d.ts').Way} name
 * @param {string} shape
 * @param {string} label
 * @param {string} text
 */
const way = (name, shape, label, text) => h('button', {
  class: 'row way', type: 'button', key: name, 'data-name': `way-${name}`,
  on: { click: () => act(`way-${name}`, () => ipc.signInStart(name)) },
}, icon(shape), h('span', null, h('span', { class: 'l1' }, label), h('small', null, text)), icon('right', 'chev'));

/** @param {WindowState} now @param {string | null} error */
const paste = (now, error) => [
  toChoice(),
  intro(words.paste.heading, words.paste.text),
  button({ name: 'open-orgx', label: words.paste.open, icon: 'out', kind: 'start', on: () => ipc.openOrgx() }),
  field({
    name: 'key', label: words.paste.label, kind: 'password', error, wide: true, primary: true, now: true,
    hint: now.sign_in.host === '' ? undefined : words.signIn.goesTo(now.sign_in.host),
    label2: words.paste.send, busy: words.paste.sendBusy,
    check: (text) => (text === '' ? words.paste.empty : null),
    send: (text) => ipc.signInKey(text),
  }),
];

/** @param {Extract<Step, { step: 'pairing' }>} step */
function pairing(step) {
  const left = Math.max(0, step.expires_at - view.now);
  return [
    toChoice(),
    intro(words.pairing.heading, words.pairing.text),
    h('div', { class: 'group', key: 'pair' },
      h('div', { class: 'pair' },
        h('span', { class: 'lab', id: 'code-label' }, words.pairing.code),
        h('output', { 'aria-labelledby': 'code-label' }, step.code),
        short(step.host, { cls: 'host' })),
      h('div', { class: 'count' },
        h('span', { class: 'w' }, icon('spin', 'spin t-mute'), words.pairing.waiting),
        h('span', { class: 'num' }, h('span', { 'aria-hidden': 'true' }, words.pairing.left(elapsed(left))), h('span', { class: 'vh' }, words.pairing.left(spoken(left)))),
        h('progress', { max: String(Math.max(1, step.lasts)), value: left, 'aria-label': words.pairing.timeLeft }))),
    h('div', { class: 'btns', key: 'btns' },
      button({ name: 'pair-open', label: words.pairing.open, icon: 'out', on: () => ipc.pairOpen() }),
      button({ name: 'pair-copy', label: words.pairing.copy, done: words.pairing.copied, icon: 'copy', on: () => ipc.pairCopy() }),
      button({ name: 'pair-cancel', label: words.pairing.cancel, on: () => ipc.signInBack() })),
  ];
}

/** @param {Extract<Step, { step: 'ended' }>} step */
const ended = (step) => [
  toChoice(),
  intro(step.way === 'browser' ? words.pairing.heading : step.way === 'paste' ? words.paste.heading : words.checking.heading),
  notice({ ...step.notice, action: null, other: null }, [], h('div', { class: 'do' },
    button({ name: `again-${step.way}`, label: words.again[step.way], kind: 'primary', on: () => ipc.signInStart(step.way) }))),
];

/** @param {Extract<Step, { step: 'keychain' }>} step */
const keychain = (step) => [
  toChoice(),
  intro(words.keychain.heading, words.keychain.text),
  notice({ ...step.notice, action: null, other: null }, [], h('div', { class: 'do' },
    button({ name: 'keep-keychain', label: words.keychain.again, busy: words.keychain.againBusy, kind: 'primary', on: () => ipc.keepKey('keychain') }))),
  h('div', { class: 'group', key: 'ways' },
    h('button', { class: 'row way', type: 'button', key: 'memory', 'data-name': 'keep-memory', on: { click: () => act('keep-memory', () => ipc.keepKey('memory')) } },
      icon('clock'), h('span', null, h('span', { class: 'l1' }, words.keychain.memory), h('small', null, words.keychain.memoryText)), icon('right', 'chev')),
    h('details', { class: 'more-d', key: 'file' },
      h('summary', { class: 'row one' }, icon('right', 'chev'), h('span', { class: 'l1' }, words.keychain.file)),
      h('div', { class: 'inside' },
        h('p', null, words.keychain.fileText),
        h('p', { class: 'code' }, step.file),
        button({ name: 'keep-file', label: words.keychain.fileDo, on: () => ipc.keepKey('file') })))),
];
