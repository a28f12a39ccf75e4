// All runs: those that go on, and those that have ended.
import { h } from '../dom.js';
import { isToday } from '../format.js';
import { hold } from '../hold.js';
import * as words from '../strings.js';
import { view } from '../view.js';
import { card, empty, section, skeleton } from '../parts/base.js';
import { button } from '../parts/controls.js';
import { failure, trouble } from '../parts/notice.js';
import { runRow } from '../parts/run.js';
import { startTest } from './setup.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Run} Run
 */

/** @param {WindowState} now */
export function runsPage(now) {
  return { key: 'runs', inside: [failure(), ...lists(now)] };
}

/** @param {WindowState} now */
function lists(now) {
  const { runs } = now;
  const all = [...runs.now, ...runs.earlier];
  if (runs.error !== null && all.length === 0) return [trouble('error', words.runs.error, runs.error)];
  if (runs.loading && all.length === 0) return [section('now', { label: words.runs.now, busy: true }, skeleton(words.runs.loading, 3))];
  if (all.length === 0) {
    const canTest = now.header.glyph !== 'signed-out' && !now.attached;
    return [empty(words.runs.empty, words.runs.emptyText, canTest && button({ name: 'test-task', label: words.setup.test, busy: words.setup.testBusy, kind: 'primary', on: startTest }),
      now.header.glyph === 'signed-out' ? 'signed-out' : 'ready')];
  }
  const isNew = (/** @type {Run} */ run) => isToday(run.ended_at ?? view.now, view.now);
  const taken = runs.now.filter((run) => run.state !== 'queued').length;
  return [
    runs.error !== null && trouble('error', words.runs.error, runs.error),
    list(now, 'now', words.runs.now, runs.now, all, runs.places > 0 ? words.runs.places(taken, runs.places) : undefined),
    list(now, 'today', words.runs.today, runs.earlier.filter(isNew), all),
    list(now, 'before', words.runs.before, runs.earlier.filter((run) => !isNew(run)), all),
  ];
}

/**
 * @param {WindowState} now
 * @param {string} part
 * @param {string} label
 * @param {Run[]} runs
 * @param {Run[]} all
 * @param {string} [side]
 */
function list(now, part, label, runs, all, side) {
  const rows = hold('runs', part, runs, (run) => run.run_id, all);
  if (rows.length === 0) return null;
  return section(part, { label, count: rows.length, list: 'runs', side: side && h('span', { class: 'side' }, side) },
    card(rows.map((run) => runRow(run, now))));
}
