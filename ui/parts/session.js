// A session of OpenCode as a row: what it is and does, and how to go on with it.
import { h } from '../dom.js';
import { age, base, cost, tilde } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go, view } from '../view.js';
import { middle, shape, short, state } from './base.js';
import { button } from './controls.js';
import { ofSession } from './words.js';

/**
 * @typedef {import('../bindings.d.ts').Session} Session
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Page} Page
 */

/** What is younger is now. */
const NOW = 60_000;

/** @param {Session} session */
const when = (session) => (session.state === 'active' || view.now - session.updated_at < NOW ? words.sessions.now : age(view.now - session.updated_at));

/** @param {Session} session @param {WindowState} now */
const about = (session, now) => [
  session.child
    ? session.agent !== null && short(words.sessions.subagent(session.agent))
    : middle(base(session.folder), { title: tilde(session.folder, now.home) }),
  session.state === 'blocked' && session.why !== null && short(session.why),
  !session.child && session.run_id !== null && h('span', null, isLocal(session, now) ? words.sessions.fromPeer : words.sessions.fromOrgx),
  session.state !== 'blocked' && session.model !== null && h('span', { title: session.model }, session.model),
];

/** @param {Session} session @param {WindowState} now */
const isLocal = ({ run_id: id }, { runs }) => [...runs.now, ...runs.earlier].find((run) => run.run_id === id)?.local ?? false;

/** Where the row leads: to what it asks, or to its run. @param {Session} session @param {WindowState} now @returns {Page | null} */
function leadsTo({ run_id: runId }, { needs }) {
  if (runId === null) return null;
  const need = needs.find((need) => need.run_id === runId);
  return need ? { page: 'need', id: need.id } : { page: 'run', run_id: runId };
}

/** @param {Session} session @param {WindowState} now */
export function sessionRow(session, now) {
  const word = ofSession(session.state);
  const page = leadsTo(session, now);
  const copy = [session.title, word.word, tilde(session.folder, now.home), session.why].filter((part) => part).join('\t');
  const row = { class: session.child ? 'row child' : 'row', key: 'row', 'data-row': session.id, copy };
  const inside = [
    shape(word),
    h('span', { class: 'two-lines' }, short(session.title, { cls: 'l1' }), h('span', { class: 'l2' }, state(word), about(session, now))),
    h('span', { class: 'r' }, h('span', null, cost(session.cost_cents)), h('span', null, when(session))),
  ];
  const name = `resume-${session.id}`;
  const opens = `terminal-${session.id}`;
  return h('div', { class: view.doing.has(name) || view.doing.has(opens) ? 'act wide is-busy' : 'act wide', key: session.id, arrives: true },
    page === null ? h('div', { ...row, tabindex: '0' }, inside) : h('button', { ...row, type: 'button', on: { click: () => go(page) } }, inside),
    session.command !== null && h('span', { class: 'quiets', key: 'quiets' },
      button({ name: opens, label: '', icon: 'term', kind: 'icon', spoken: words.sessions.terminalNamed(session.title), title: words.sessions.terminal, on: () => ipc.openSession(session.id, true) }),
      button({ name, label: words.sessions.resume, done: words.sessions.copied, icon: 'copy', spoken: words.sessions.resumeNamed(session.title), title: words.sessions.copies(session.command), on: () => ipc.openSession(session.id, false) })));
}
