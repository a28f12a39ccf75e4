// The test task: a real run on the sandbox, seen step by step.
import { h } from '../dom.js';
import { elapsed, tokens } from '../format.js';
import * as ipc from '../ipc.js';
import * as words from '../strings.js';
import { openTest } from '../view.js';
import { card, fact, icon, section, short, skeleton, state, stats } from '../parts/base.js';
import { button } from '../parts/controls.js';
import { failure, trouble } from '../parts/notice.js';
import { timeline, took } from '../parts/run.js';
import { hasEnded, ofRun } from '../parts/words.js';

/** @typedef {import('../bindings.d.ts').WindowState} WindowState */

/** @param {WindowState} now */
export function testPage(now) {
  const test = now.test ?? { agent: '', run: null, error: null, over: false };
  const page = test.run;
  const ms = page && took(page.run);
  const worked = test.over && test.error === null && page?.run.state === 'completed';
  return {
    key: 'test',
    first: now.screen === 'setup',
    inside: [
      failure(),
      now.screen === 'setup'
        ? h('div', { class: 'intro', key: 'head' }, h('h1', { id: 'heading', tabindex: '-1' }, words.test.heading), h('p', null, words.test.text))
        : h('div', { class: 'head', key: 'head' }, h('h2', { id: 'heading', tabindex: '-1' }, words.test.heading), h('p', { class: 'about' }, words.test.text)),
      test.error !== null && trouble('error', words.test.failed, test.error),
      worked && h('div', { class: 'notice', key: 'over', role: 'status' }, icon('check', 't-teal'), h('div', { class: 'in' }, h('h2', null, words.test.over), h('p', null, words.test.overText))),
      test.agent !== '' && card(fact({ key: 'agent', icon: 'comp', tone: 'mute', name: words.test.agent, value: test.agent })),
      page === null && test.error === null && skeleton(words.test.starting, 1),
      page && h('div', { class: 'head', key: 'run' }, h('h3', null, page.run.title),
        h('p', { class: 'l2' }, state(ofRun(page.run)), page.run.driver !== null && short(page.run.driver))),
      page && stats([
        { name: hasEnded(page.run) ? words.run.took : words.run.elapsed, value: ms === null ? words.unknown : elapsed(ms ?? 0) },
        { name: words.run.steps, value: page.run.steps },
        { name: words.run.tokens, value: page.run.tokens === null ? words.unknown : tokens(page.run.tokens) },
        { name: words.run.deviations, value: page.run.deviations, tone: page.run.deviations > 0 ? 'iris' : undefined },
      ]),
      page && section('steps', { label: words.run.steps, count: page.run.steps }, timeline(page, { mute: false })),
    ],
    bar: [
      h('span', { class: 'sp' }),
      button({ name: 'test-close', label: words.test.close, kind: worked ? 'primary' : '', on: () => ipc.testClose(), then: () => openTest(false) }),
    ],
  };
}
