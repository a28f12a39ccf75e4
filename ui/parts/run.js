// A run as a row, and its steps as a timeline.
import { h } from '../dom.js';
import { base, clock, cost, elapsed, spoken, tilde, tokens } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { choose, go, view } from '../view.js';
import { icon, middle, running, shape, short, state } from './base.js';
import { link } from './controls.js';
import { hasEnded, ofRun } from './words.js';

/**
 * @typedef {import('../bindings.d.ts').Run} Run
 * @typedef {import('../bindings.d.ts').RunPage} RunPage
 * @typedef {import('../bindings.d.ts').Entry} Entry
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 */

/** How long it has run, or ran; `null` before it began. @param {Run} run */
export function took(run) {
  const from = run.started_at ?? run.arrived_at;
  if (from === null) return null;
  return (run.ended_at ?? view.now) - from;
}

/** @param {Run} run @param {string} home */
const folder = (run, home) => run.folder !== null && middle(base(run.folder), { title: tilde(run.folder, home) });

/** @param {Run} run */
const forks = (run) => run.deviations > 0 && h('span', { class: 'dev', title: words.runs.deviations(run.deviations) },
  icon('fork'), h('span', { 'aria-hidden': 'true' }, run.deviations), h('span', { class: 'vh' }, words.runs.deviations(run.deviations)));

/** @param {Run} run */
function right(run) {
  if (run.state === 'queued') return h('span', { class: 'r' }, run.place === null ? null : h('span', null, words.ordinal(run.place)));
  const ms = took(run);
  if (!hasEnded(run)) return h('span', { class: 'r' }, h('span', null, ms === null ? null : running(ms)), forks(run));
  return h('span', { class: 'r' },
    h('span', null, run.ended_at === null ? null : clock(run.ended_at, view.now)),
    run.deviations > 0 ? forks(run) : h('span', null, ms === null ? null : running(ms)));
}

/**
 * A run in a list.
 * @param {Run} run
 * @param {WindowState} now
 * @param {{ driver?: boolean }} [how]
 */
export function runRow(run, now, { driver = false } = {}) {
  const word = ofRun(run);
  const need = run.state === 'needs_you' ? now.needs.find((need) => need.run_id === run.run_id) : undefined;
  const open = () => go(need ? { page: 'need', id: need.id } : { page: 'run', run_id: run.run_id });
  const isFailed = run.state === 'failed' && run.reason !== null;
  const path = run.folder === null ? '' : tilde(run.folder, now.home);
  return h('button', {
    class: 'row', type: 'button', key: run.run_id, 'data-row': run.run_id, arrives: true, on: { click: open },
    copy: [run.title, word.word, path, run.reason].filter((part) => part).join('\t'),
  },
  shape(word),
  h('span', { class: 'two-lines' },
    short(run.title, { cls: 'l1' }),
    h('span', { class: 'l2' },
      state(word),
      isFailed ? short(run.reason ?? '') : folder(run, now.home),
      driver && run.driver !== null && h('span', null, run.driver),
      !driver && !isFailed && run.tokens !== null && run.tokens > 0 && h('span', null, words.runs.tokens(tokens(run.tokens))),
      !driver && hasEnded(run) && !isFailed && run.cost_cents !== null && h('span', null, cost(run.cost_cents)),
      run.local && h('span', null, words.runs.local))),
  right(run));
}

/** Which shape a step has. @type {Record<string, string>} */
const STEPS = { file_edit: 'edit', tool_call: 'term', chat: 'chat' };
/** A step's first word when it says what was done: written quietly. */
const VERB = /^(edit|call|chat|skill) (.+)$/s;

/** @param {string | null} summary */
export const stepShape = (summary) => (summary?.startsWith('edit ') ? 'edit' : 'term');

/** @param {string} summary */
function stepText(summary) {
  const parts = VERB.exec(summary);
  return parts ? [h('span', { class: 'k' }, parts[1]), ` ${parts[2]}`] : summary;
}

/** Does this say where a file is? @param {string} place */
const isFile = (place) => /^[^\s:*?"<>|]+$/.test(place) && /[/\\]|\.\w{1,8}$/.test(place);

/**
 * @param {Extract<Entry, { entry: 'deviation' }>} entry
 * @param {Run} run
 * @param {string} at
 * @param {{ mute: boolean, said: string }} how
 */
function deviation(entry, run, at, { mute, said }) {
  const name = `mute-${entry.skill}`;
  const wanted = view.wanted.get(name)?.value;
  const muted = typeof wanted === 'boolean' ? wanted : entry.muted;
  /** @param {boolean} on */
  const set = (on) => choose(name, on, () => ipc.set({ setting: on ? 'mute_rule' : 'unmute_rule', value: entry.skill }));
  return h('li', { class: 'is-dev', key: `${at}-deviation-${entry.skill}-${entry.place}` },
    stamp(at, said), icon('fork'),
    h('span', { class: 'what' },
      h('b', null, words.words.deviation), ' ', h('span', { class: 'wrap' }, entry.skill),
      h('span', { class: 'k sub wrap' }, words.run.deviation(entry.what, entry.place)),
      h('span', { class: 'more' },
        run.folder !== null && isFile(entry.place) && link({ name: `file-${at}-${entry.place}`, label: words.run.showFile, on: () => ipc.showFile(run.run_id, entry.place) }),
        !mute ? null : muted
          ? h('span', { class: 'muted' }, words.run.muted, ' ', link({ name: `un${name}`, label: words.run.unmute, on: () => set(false), spoken: words.settings.unmuteNamed(entry.skill) }))
          : link({ name, label: words.run.mute, on: () => set(true) }))));
}

/** @param {string} at @param {string} said */
const stamp = (at, said) => h('span', { class: 'time' }, h('span', { 'aria-hidden': 'true' }, at), h('span', { class: 'vh' }, said));

/** What waits for the person, where the run stands. @param {import('../bindings.d.ts').Need} need @param {number} from */
const waits = (need, from) => h('li', { class: 'is-need', key: `need-${need.id}` }, stamp(elapsed(need.since - from), spoken(need.since - from)), icon('needs', 't-amber'),
  h('span', { class: 'what' }, h('b', null, words.words.needs_you), ' ', h('span', { class: 'wrap' }, need.line),
    h('span', { class: 'more' }, link({ name: `review-${need.id}`, label: words.run.review, on: () => go({ page: 'need', id: need.id }) }))));

/**
 * Steps and deviations in order, with where it began and where it stands.
 * @param {RunPage} page
 * @param {{ mute?: boolean, needs?: import('../bindings.d.ts').Need[] }} [how]
 */
export function timeline({ run, line, steps_before }, { mute = true, needs = [] } = {}) {
  const from = run.started_at ?? run.arrived_at ?? line[0]?.at ?? view.now;
  const end = needs.length > 0 ? null : liveEnd(run);
  /** @type {Map<string, number>} */
  const seen = new Map();
  /** @param {string} key */
  const once = (key) => {
    const n = (seen.get(key) ?? 0) + 1;
    seen.set(key, n);
    return n === 1 ? key : `${key}#${n}`;
  };
  return h('ol', { class: 'group line', 'aria-label': words.run.steps, key: 'line' },
    run.started_at !== null && h('li', { key: 'start' }, stamp(elapsed(0), spoken(0)), icon('ready'),
      short(run.folder === null ? words.run.startedAnywhere : words.run.started(base(run.folder)), { title: run.folder ?? '' })),
    steps_before > 0 && h('li', { class: 'is-gap', key: 'gap' }, h('span', { class: 'time' }), icon('dash'), h('span', null, words.run.gap(steps_before))),
    line.map((entry) => {
      const at = elapsed(entry.at - from);
      const said = spoken(entry.at - from);
      if (entry.entry === 'deviation') return deviation(entry, run, at, { mute, said });
      return h('li', { key: once(`${entry.at}-${entry.summary}`) }, stamp(at, said), icon(STEPS[entry.kind] ?? 'term'),
        h('span', { class: 'ell', title: entry.summary }, stepText(entry.summary)));
    }),
    needs.map((need) => waits(need, from)),
    end && h('li', { class: 'is-live', key: 'end' }, h('span', { class: 'time' }), icon(end.shape, `${end.turns ? 'spin ' : ''}t-${end.tone}`), h('span', null, end.word)));
}

/** @param {Run} run */
function liveEnd(run) {
  const { word, ...how } = ofRun(run);
  const says = { needs_you: words.run.asks, running: words.run.working, cancelling: words.run.cancelling, starting: words.run.startingUp, queued: words.run.queued };
  const text = says[/** @type {keyof typeof says} */ (run.state)];
  return text === undefined ? null : { ...how, word: text };
}
