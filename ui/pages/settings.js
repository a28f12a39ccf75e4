// Settings: each is shown only where it has an effect, and says where it is fixed.
import { h } from '../dom.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { askWorkspace, choose, openSignOut, view } from '../view.js';
import { budgetRow } from '../parts/budget.js';
import { card, empty, icon, section, short } from '../parts/base.js';
import { button, link, toggle } from '../parts/controls.js';
import { folderRows, typedFolder } from '../parts/folders.js';
import { failure } from '../parts/notice.js';
import { workspaceField, workspaceList } from '../parts/workspace.js';
import { hasEnded } from '../parts/words.js';

/**
 * @typedef {import('../bindings.d.ts').WindowState} WindowState
 * @typedef {import('../bindings.d.ts').Settings} Settings
 * @typedef {import('../bindings.d.ts').Notifications} Notifications
 * @typedef {import('../bindings.d.ts').Setting} Setting
 */

/** Runs at once: as few and as many as the shell takes. */
const RUNS = { least: 1, most: 16 };

/** @param {Setting} change */
const set = (change) => ipc.set(change);

/** @param {WindowState} now */
export function settingsPage(now) {
  const { settings } = now;
  const fixed = (/** @type {string} */ name) => (settings.fixed.includes(name) ? words.settings.fixed : undefined);
  const isOut = now.header.glyph === 'signed-out';
  return {
    key: 'settings',
    inside: [
      failure(),
      settings.error !== null && !isAboutFolder(now) && h('p', { class: 'err alone', role: 'alert', key: 'error' }, icon('alert'), h('span', null, settings.error)),
      general(now, fixed),
      folders(now, fixed('folders') !== undefined),
      asks(settings, fixed),
      limits(settings, fixed),
      notifications(settings, fixed('notifications')),
      muted(settings),
      leaves(settings, fixed),
      account(now, isOut),
    ],
  };
}

/** The one error stands where it was made: under the folder's field unless there is none. @param {WindowState} now */
const isAboutFolder = ({ settings }) => settings.concurrent !== null && !settings.fixed.includes('folders');

/** @param {WindowState} now @param {(name: string) => string | undefined} fixed */
function general(now, fixed) {
  const { settings, header, runs } = now;
  const rows = [
    header.act === 'pause' || header.act === 'resume' ? pause(now) : null,
    settings.autostart === null ? null : toggle({ name: 'autostart', label: words.settings.autostart, on: settings.autostart, fixed: fixed('autostart'), set: (on) => set({ setting: 'autostart', value: on }) }),
    settings.start_opencode === null ? null : toggle({ name: 'start-opencode', label: words.settings.startOpencode, on: settings.start_opencode, fixed: fixed('start_opencode'), set: (on) => set({ setting: 'start_opencode', value: on }) }),
    settings.keep_awake === null ? null : toggle({ name: 'keep-awake', label: words.settings.keepAwake, text: words.settings.keepAwakeText, on: settings.keep_awake, fixed: fixed('keep_awake'), set: (on) => set({ setting: 'keep_awake', value: on }) }),
    settings.outbox === null ? null : toggle({ name: 'outbox', label: words.settings.outbox, text: words.settings.outboxText, on: settings.outbox, fixed: fixed('outbox'), set: (on) => set({ setting: 'outbox', value: on }) }),
    settings.concurrent === null ? null : stepper(settings.concurrent, fixed('concurrent')),
  ].filter((row) => row !== null);
  const canWait = header.act === 'pause' && runs.now.some((run) => !hasEnded(run));
  if (rows.length === 0) return empty(words.settings.none, words.settings.noneText);
  return section('general', {
    label: words.settings.general,
    side: canWait && link({ name: 'pause-after', label: words.settings.afterRuns, kind: 'side', on: () => ipc.pause(true) }),
  }, card(rows));
}

/** @param {WindowState} now */
const pause = ({ header }) => toggle({
  name: 'pause', label: words.settings.pause, text: words.settings.pauseText, on: header.act === 'resume',
  set: (on) => (on ? ipc.pause(false) : ipc.resume()),
});

/** @param {number} runs @param {string | undefined} fixed */
function stepper(runs, fixed) {
  const wanted = view.wanted.get('concurrent')?.value;
  const shown = typeof wanted === 'number' ? wanted : runs;
  /** @param {number} by */
  const step = (by) => choose('concurrent', shown + by, () => set({ setting: 'concurrent', value: shown + by }));
  return h('div', { class: 'set', key: 'concurrent', role: 'group', 'aria-label': words.settings.concurrent },
    h('span', null, h('span', { class: 'l1' }, words.settings.concurrent), fixed && h('small', null, fixed)),
    h('span', { class: 'step' },
      h('button', { type: 'button', key: 'less', 'aria-label': words.settings.less, title: words.settings.less, 'data-name': 'less', disabled: fixed !== undefined || shown <= RUNS.least, on: { click: () => step(-1) } }, icon('minus')),
      h('output', null, shown),
      h('button', { type: 'button', key: 'more', 'aria-label': words.settings.more, title: words.settings.more, 'data-name': 'more', disabled: fixed !== undefined || shown >= RUNS.most, on: { click: () => step(1) } }, icon('plus'))));
}

/** @param {WindowState} now @param {boolean} isFixed */
function folders(now, isFixed) {
  const { settings, home } = now;
  // A peer that is set elsewhere gives no limits, and then its folders are not set here either.
  if (settings.concurrent === null && settings.folders.length === 0) return null;
  return section('folders', { label: words.settings.folders, lead: isFixed ? words.settings.fixed : words.setup.trust },
    card(
      settings.folders.length === 0 && h('div', { class: 'row said', key: 'any' }, icon('comp', 't-mute'), h('span', null, h('span', { class: 'l1' }, words.settings.anyFolder), h('small', null, isFixed ? words.settings.anyFolderFixed : words.settings.anyFolderText))),
      folderRows(settings.folders, home, set, isFixed),
      !isFixed && typedFolder(isAboutFolder(now) ? settings.error : null, set)));
}

/** @param {Settings} settings @param {(name: string) => string | undefined} fixed */
function asks({ ask_before_commands: commands, ask_when_dirty: dirty, remote_attention: remote }, fixed) {
  const rows = [
    commands === null ? null : toggle({ name: 'ask-commands', label: words.settings.askCommands, text: words.settings.askCommandsText, on: commands, fixed: fixed('ask_before_commands'), set: (on) => set({ setting: 'ask_before_commands', value: on }) }),
    dirty === null ? null : toggle({ name: 'ask-dirty', label: words.settings.askDirty, text: words.settings.askDirtyText, on: dirty, fixed: fixed('ask_when_dirty'), set: (on) => set({ setting: 'ask_when_dirty', value: on }) }),
    remote === null ? null : toggle({ name: 'remote', label: words.settings.remote, text: words.settings.remoteText, on: remote, fixed: fixed('remote_attention'), set: (on) => set({ setting: 'remote_attention', value: on }) }),
  ].filter((row) => row !== null);
  return rows.length > 0 && section('asks', { label: words.settings.asks }, card(rows));
}

/** @param {Settings} settings @param {(name: string) => string | undefined} fixed */
function limits({ run_budget: run, day_budget: day }, fixed) {
  const rows = [
    run === null ? null : budgetRow({ name: 'run-budget', label: words.settings.perTask, budget: run, fixed: fixed('budget'), set: (value) => set({ setting: 'run_budget', value }) }),
    day === null ? null : budgetRow({ name: 'day-budget', label: words.settings.perDay, budget: day, fixed: fixed('budget'), set: (value) => set({ setting: 'day_budget', value }) }),
  ].filter((row) => row !== null);
  return rows.length > 0 && section('limits', { label: words.settings.limits, lead: words.settings.limitsText }, card(rows));
}

const KINDS = /** @type {(keyof Notifications)[]} */ (Object.keys(words.settings.kinds));

/** @param {Settings} settings @param {string | undefined} fixed */
function notifications({ notifications: all }, fixed) {
  if (all === null) return null;
  return section('notifications', { label: words.settings.notifications }, card(KINDS.map((kind) => toggle({
    name: `notify-${kind}`, label: words.settings.kinds[kind], on: all[kind], fixed,
    set: (on) => set({ setting: 'notifications', value: { ...all, [kind]: on } }),
  }))));
}

/** @param {Settings} settings */
const muted = ({ muted_rules: rules }) => rules.length > 0 && section('muted', { label: words.settings.muted, count: rules.length }, card(rules.map((rule) =>
  h('div', { class: 'row one', key: rule }, icon('fork', 't-mute'), short(rule, { cls: 'l1' }),
    button({ name: `unmute-${rule}`, label: words.settings.unmute, spoken: words.settings.unmuteNamed(rule), on: () => set({ setting: 'unmute_rule', value: rule }) })))));

/** @param {Settings} settings @param {(name: string) => string | undefined} fixed */
function leaves(settings, fixed) {
  const rows = [
    settings.presence === null ? null : toggle({ name: 'presence', label: words.settings.presence, text: words.settings.presenceText, on: settings.presence, fixed: fixed('presence'), set: (on) => set({ setting: 'presence', value: on }) }),
  ].filter((row) => row !== null);
  return rows.length > 0 && section('leaves', { label: words.settings.leaves }, card(rows));
}

/** @param {WindowState} now @param {boolean} isOut */
function account(now, isOut) {
  const { settings, setup, version } = now;
  const isBusy = now.runs.now.some((run) => !hasEnded(run));
  /** Runs end with it: then it is asked for first. @param {Setting} wanted */
  const change = async (wanted) => (isBusy && wanted.setting === 'workspace' ? askWorkspace(wanted.value) : set(wanted));
  const isFixedKey = settings.key_place === 'environment';
  const canChange = settings.workspace !== null && !settings.fixed.includes('workspace') && settings.concurrent !== null;
  const about = [settings.key_last4 !== null && words.settings.key(settings.key_last4, settings.key_place), isFixedKey && words.settings.signOutFixed].filter((part) => part);
  return section('account', { label: words.settings.account, foot: words.settings.foot(version) }, card(
    !isOut && (settings.workspace !== null || settings.key_last4 !== null) && h('div', { class: 'set', key: 'account' },
      h('span', null, short(settings.workspace ?? words.settings.noWorkspace, { cls: 'l1' }), about.map((text) => h('small', null, text || ''))),
      !isFixedKey && settings.key_last4 !== null && button({ name: 'sign-out', label: words.settings.signOut, kind: 'danger', on: () => openSignOut(true) })),
    canChange && h('details', { class: 'more-d', key: 'workspace' },
      h('summary', { class: 'row one' }, icon('right', 'chev'), h('span', { class: 'l1' }, words.settings.changeWorkspace)),
      h('div', { class: 'inside' }, setup.workspaces.length > 0 ? workspaceList(setup.workspaces, setup.workspace_id, change) : workspaceField(null, null, change))),
    h('div', { class: 'set', key: 'diagnostics' }, h('span', { class: 'l1' }, words.settings.diagnostics),
      h('span', { class: 'btns' },
        settings.logs !== '' && button({ name: 'logs', label: words.settings.logs, spoken: words.settings.logsNamed, title: settings.logs, on: () => ipc.showLogs() }),
        button({ name: 'diagnostics', label: words.settings.copy, done: words.settings.copied, icon: 'copy', spoken: words.settings.copyNamed, on: () => ipc.copyDiagnostics() })))));
}
