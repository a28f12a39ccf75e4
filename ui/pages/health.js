// How everything stands: what is wrong, what runs, what today was, and the facts behind the header.
import { h } from '../dom.js';
import { age, clock, cost, tilde, tokens } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go, view } from '../view.js';
import { card, fact, icon, section, short, skeleton, stats } from '../parts/base.js';
import { button, link } from '../parts/controls.js';
import { failure, notice } from '../parts/notice.js';
import { runRow, stepShape } from '../parts/run.js';
import { ofRun } from '../parts/words.js';
import { hold } from '../hold.js';
import { startTest } from './setup.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Run} Run
 */

/** @param {WindowState} now */
export function healthPage(now) {
  const isOut = now.header.glyph === 'signed-out';
  return {
    key: 'health',
    inside: now.screen === 'loading'
      ? [section('now', { label: words.health.now, busy: true }, skeleton(words.app.starting, 1))]
      : [
        failure(),
        now.notice && notice(now.notice, now.also),
        isOut ? null : atWork(now),
        isOut ? null : today(now),
        isOut ? still(now) : connections(now),
        worthKnowing(now),
      ],
  };
}

/** @param {WindowState} now */
function atWork(now) {
  const rows = hold('health', 'now', now.runs.now, (run) => run.run_id, [...now.runs.now, ...now.runs.earlier]);
  if (now.runs.loading) return section('now', { label: words.health.now, busy: true }, skeleton(words.runs.loading, 1));
  return section('now', { label: words.health.now, count: rows.length > 1 ? rows.length : undefined, list: 'health' },
    rows.length === 0 ? idle(now) : card(rows.map((run) => h('div', { class: 'live', key: run.run_id, arrives: true }, runRow(run, now, { driver: true }), doing(run)))));
}

/** @param {WindowState} now */
function idle(now) {
  const last = now.runs.earlier[0];
  const isReady = now.header.glyph === 'ready' && now.header.overlay !== 'error';
  // The test task is offered in one place: here only when the notice offers nothing.
  return card(h('div', { class: 'row one' }, icon(isReady ? 'ready' : 'ring', isReady ? 't-teal' : 't-mute'),
    h('span', { class: 'two-lines' }, h('span', { class: 'l1' }, now.header.glyph === 'paused' ? words.health.nothingPaused : words.health.nothing),
      last && last.ended_at !== null && h('span', { class: 'l2' }, short(words.health.last(clock(last.ended_at, view.now), ofRun(last).word)))),
    isReady && !now.attached && button({ name: 'test-task', label: words.setup.test, busy: words.setup.testBusy, on: startTest })));
}

/** @param {Run} run */
function doing(run) {
  if (run.state !== 'running' && run.state !== 'starting') return null;
  const step = run.last_step ?? (run.state === 'starting' ? words.run.startingUp : words.run.nothingYet);
  return h('div', { class: 'now', key: 'now' }, icon(run.last_step === null ? 'clock' : stepShape(run.last_step)), short(step),
    link({ name: `cancel-${run.run_id}`, label: words.runs.cancel, busy: words.runs.cancelBusy, kind: 'nb', spoken: words.runs.cancelNamed(run.title), on: () => ipc.cancelRun(run.run_id) }));
}

/** @param {WindowState} now */
const today = ({ health }) => section('today', { label: words.health.today },
  stats([
    { name: words.health.done, value: health.done },
    { name: words.health.failed, value: health.failed },
    { name: words.health.tokens, value: tokens(health.tokens) },
    { name: words.health.cost, value: cost(health.cost_cents) },
  ]));

/** @param {WindowState} now */
function connections(now) {
  const { health, notice } = now;
  const isWell = health.connected && health.license === 'active' && health.opencode_ok && notice === null;
  return section('connections', { label: words.health.connections, side: isWell && h('span', { class: 'side' }, words.health.allWell) },
    card(orgx(now), license(now), opencode(now),
      claude(now),
      rules(now), receipts(now), health.unconfirmed > 0 && !health.connected && fact({ key: 'unsent', icon: 'clock', tone: 'mute', name: words.health.unsent, value: words.health.frames(health.unconfirmed) }),
      outbox(now)));
}

/** @param {WindowState} now */
function orgx({ health }) {
  const heard = health.heard_at;
  const parts = health.connected
    ? [health.host, health.round_trip_ms !== null && words.health.roundTrip(health.round_trip_ms), heard !== null && words.health.heard(age(view.now - heard))]
    : [health.connection, health.tries > 0 && words.health.tries(health.tries), heard !== null && words.health.lastHeard(clock(heard, view.now))];
  const value = parts.filter((part) => part).join(' · ');
  return fact({
    key: 'orgx', name: words.health.orgx, value, title: health.connected ? `${value}\n${health.connection}` : `${health.host}\n${value}`,
    icon: health.connected ? 'check' : health.tries > 0 ? 'off' : 'clock', tone: health.connected ? 'teal' : 'mute',
  });
}

/** @param {WindowState} now */
function license({ health }) {
  const word = words.health.licenses[health.license];
  if (word === undefined) return fact({ key: 'license', name: words.health.license, value: words.health.notAsked, icon: 'dash', tone: 'mute' });
  const isStale = !health.connected && health.heard_at !== null;
  const value = isStale ? `${word} · ${words.health.asOf(clock(health.heard_at ?? 0, view.now))}` : word;
  const [shape, tone] = health.license === 'revoked' ? ['block', 'red'] : health.license === 'degraded' ? ['alert', 'mute'] : isStale ? ['clock', 'mute'] : ['check', 'teal'];
  return fact({ key: 'license', name: words.health.license, value, icon: shape, tone });
}

/** @param {WindowState} now */
function opencode({ health }) {
  const value = [health.opencode_version, health.opencode_words].filter((part) => part).join(' · ');
  const isKnown = value !== '';
  return fact({
    key: 'opencode', name: words.health.opencode, value: isKnown ? value : words.health.notAsked,
    icon: health.opencode_ok ? 'check' : isKnown ? 'alert' : 'dash', tone: health.opencode_ok ? 'teal' : isKnown ? 'red' : 'mute',
  });
}

/** @param {WindowState} now */
function claude({ health }) {
  if (health.claude === null) return null;
  const [shape, tone] = health.claude === 'signed_out' ? ['alert', 'red'] : health.claude === 'off' ? ['dash', 'mute'] : ['check', 'teal'];
  return fact({ key: 'claude', name: words.health.claude, value: words.health.claudes[health.claude] ?? health.claude, icon: shape, tone });
}

/** @param {WindowState} now */
function rules({ health }) {
  const skipped = health.skipped_rules.length;
  const value = skipped === 0 ? words.health.loaded(health.rules) : `${words.health.loaded(health.rules)}, ${words.health.skipped(skipped)}`;
  return fact({ key: 'rules', name: words.health.rules, value, icon: health.rules + skipped === 0 ? 'dash' : 'check', tone: health.rules + skipped === 0 ? 'mute' : 'teal', on: () => go({ page: 'rules' }) });
}

/** @param {WindowState} now */
function receipts({ health }) {
  const isWaiting = health.receipts_waiting > 0;
  const value = isWaiting ? `${words.health.delivered(health.receipts_delivered)}, ${words.health.waiting(health.receipts_waiting)}` : words.health.delivered(health.receipts_delivered);
  return fact({ key: 'receipts', name: words.health.receipts, value, icon: isWaiting ? 'clock' : 'check', tone: isWaiting ? 'mute' : 'teal', on: () => go({ page: 'receipts' }) });
}

/** @param {WindowState} now */
function outbox({ outbox, home }) {
  if (outbox.path === '') return null;
  const [shape, tone, value] = outbox.trouble !== null ? ['alert', 'red', words.health.outboxTrouble]
    : outbox.on ? ['check', 'teal', words.health.lines(outbox.today)] : ['dash', 'mute', words.health.outboxOff];
  return fact({ key: 'outbox', name: words.health.outbox, value, title: outbox.trouble ?? `${value}\n${tilde(outbox.path, home)}`, icon: shape, tone, on: () => go({ page: 'outbox' }) });
}

/** @param {WindowState} now */
const still = (now) => section('still', { label: words.health.still }, card(receipts(now), outbox(now)));

/** @param {WindowState} now */
const worthKnowing = ({ health }) => health.warnings.length > 0 && section('know', { label: words.health.know, count: health.warnings.length },
  card([...health.warnings].reverse().map((text, at) => h('div', { class: 'row said', key: `${at}-${text}`, tabindex: '0', copy: text }, icon('info', 't-mute'), h('span', { class: 'l1 soft' }, text)))));
