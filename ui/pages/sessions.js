// The sessions of OpenCode on this computer, the person's own and those of tasks.
import { h } from '../dom.js';
import { clock, cost, tokens } from '../format.js';
import { hold } from '../hold.js';
import * as words from '../strings.js';
import { view } from '../view.js';
import { card, empty, icon, section, skeleton } from '../parts/base.js';
import { failure, trouble } from '../parts/notice.js';
import { sessionRow } from '../parts/session.js';

/** @typedef {import('../bindings.d.ts').WindowState} WindowState */

/** @param {WindowState} now */
export function sessionsPage(now) {
  return { key: 'sessions', inside: [failure(), ...list(now)] };
}

/** @param {WindowState} now */
function list(now) {
  const { sessions } = now;
  const isStale = sessions.as_of !== null;
  if (sessions.loading) return [section('sessions', { label: words.sessions.label, busy: true }, skeleton(words.sessions.loading, 3))];
  if (sessions.list.length === 0) {
    return [sessions.trouble === null ? empty(words.sessions.empty, words.sessions.emptyText) : trouble('trouble', words.sessions.trouble, sessions.trouble)];
  }
  const rows = hold('sessions', 'all', sessions.list, (session) => session.id);
  const totals = sessions.cost_cents === null ? words.sessions.totalTokens(tokens(sessions.tokens)) : words.sessions.totals(tokens(sessions.tokens), cost(sessions.cost_cents));
  const side = isStale
    ? h('span', { class: 'side stale' }, icon('clock', 't-mute'), h('span', { class: 'state t-mute' }, words.sessions.stale), ` ${words.sessions.asOf(clock(sessions.as_of ?? 0, view.now))}`)
    : h('span', { class: 'side' }, totals);
  return [
    sessions.trouble !== null && trouble('trouble', isStale ? words.sessions.trouble : words.sessions.some, sessions.trouble),
    section('sessions', { label: words.sessions.label, count: sessions.count, list: 'sessions', side, foot: sessions.count > sessions.list.length ? words.sessions.more(sessions.list.length) : words.sessions.foot },
      card(rows.map((session) => sessionRow(session, now)))),
  ];
}
