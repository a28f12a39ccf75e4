// The skill rules: how many are in use, and which are not and why.
import { h } from '../dom.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { go } from '../view.js';
import { card, empty, fact, icon, section, short } from '../parts/base.js';
import { back, button } from '../parts/controls.js';
import { failure } from '../parts/notice.js';

/** @param {import('../bindings.d.ts').WindowState} now */
export function rulesPage(now) {
  const { rules, skipped_rules: skipped } = now.health;
  const muted = now.settings.muted_rules;
  return {
    key: 'rules',
    inside: [
      failure(),
      h('div', { class: 'head', key: 'head' },
        h('div', { class: 'top' }, back(words.tabs.health, () => go({ page: 'health' }))),
        h('h2', { id: 'heading', tabindex: '-1' }, words.rules.heading),
        h('p', { class: 'about' }, words.rules.text)),
      rules + skipped.length === 0
        ? empty(words.rules.none, words.rules.noneText)
        : card(fact({ key: 'in-use', icon: 'check', tone: 'teal', name: words.rules.inUse, value: words.rules.count(rules) })),
      skipped.length > 0 && section('skipped', { label: words.rules.skipped, count: skipped.length, foot: words.rules.skippedText },
        card(skipped.map((why, at) => h('div', { class: 'row said', key: `${at}`, tabindex: '0', copy: why }, icon('dash', 't-mute'), h('span', { class: 'l1 soft wrap' }, why))))),
      muted.length > 0 && section('muted', { label: words.settings.muted, count: muted.length },
        card(muted.map((rule) => h('div', { class: 'row one', key: rule }, icon('fork', 't-mute'), short(rule, { cls: 'l1' }),
          button({ name: `unmute-${rule}`, label: words.settings.unmute, spoken: words.settings.unmuteNamed(rule), on: () => ipc.set({ setting: 'unmute_rule', value: rule }) }))))),
    ],
  };
}
