// What waits for the person.
import { plural } from './base.js';

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

export const need = {
  /**
   * @param {number} at
   * @param {number} of
   */
  pager: (at, of) => `${at} of ${of}`,
  previous: 'Previous',
  next: 'Next',
  heading: 'An agent needs you',
  folderHeading: 'Work in this folder?',
  dirtyHeading: 'Start among open changes?',
  /** What an agent may be allowed, by its own word for it. @type {Record<string, string>} */
  permissions: {
    bash: 'Run this command?', edit: 'Change this file?', write: 'Write this file?', patch: 'Change this file?', read: 'Read this file?',
    webfetch: 'Fetch this page?', websearch: 'Search the web?', external_directory: 'Reach outside the folder?', doom_loop: 'Repeat the same call?',
  },
  permission: 'Allow this?',
  /**
   * @param {string} agent
   * @param {number} n
   */
  questions: (agent, n) => (n === 1 ? `${agent} asks a question` : `${agent} asks ${NUMBERS[n] ?? n} questions`),
  budgetHeading: 'Go on past the limit?',
  unknown: 'This version does not know what is asked. A newer OrgX Peer may; unanswered, it is denied.',
  command: 'Command', file: 'File', exact: 'What exactly', folder: 'Folder', kind: 'Kind', lines: 'Lines', by: 'Asked by', task: 'Task', waiting: 'Waiting', changes: 'Changes', commit: 'Commit', limit: 'Limit', used: 'Used',
  /**
   * @param {number} added
   * @param {number} removed
   */
  changed: (added, removed) => `${added} added, ${removed} removed`,
  /** @param {number} n */
  uncommitted: (n) => plural(n, '1 file is not committed', '{n} files are not committed'),
  dirtyText: 'The agent would change files beside yours, and “Undo this run” may then touch them, too.',
  budgetText: 'The task stands still. It goes on where it stopped and may use as much again, or it ends as failed.',
  dayText: 'The task has not begun. It begins, and today may use as much again; or it ends as failed.',
  /**
   * @param {string} agent
   * @param {string} name
   */
  subagent: (agent, name) => `${agent}, subagent “${name}”`,
  steps: 'See what it did so far',
  /** @param {string} amount */
  perTask: (amount) => `${amount} for each task`,
  /** @param {string} amount */
  perDay: (amount) => `${amount} for each day`,
  /**
   * @param {string} waited
   * @param {string} left
   */
  times: (waited, left) => `${waited}, then denied in ${left}`,
  /**
   * @param {string} waited
   * @param {string} left
   */
  stopped: (waited, left) => `${waited}, then stopped in ${left}`,
  /**
   * @param {string} waited
   * @param {string} left
   */
  unanswered: (waited, left) => `${waited}, then left unanswered in ${left}`,
  cut: 'It is longer than what can be shown here. Deny it if you cannot tell what the rest does.',
  beside: 'The command that it is for:',
  fileBeside: 'The file that it is for:',
  rulesSee: 'As the agent’s rules see it. “Allow for this run” is for just the same again:',
  remote: 'It can be answered in OrgX, too. The first answer counts.',
  explain: 'What allowing a folder means',
  once: '“Allow once” lets this one task work there. “Always allow this folder” adds it to your folders, which you can change in the settings.',
  explainRun: 'What “Allow for this run” means',
  forRun: 'When this run asks for the same again, OrgX Peer says yes. No other run and none of your own sessions is touched.',
  same: 'The same is:',
  reason: 'Reason, if you deny',
  reasonAbout: '(the agent reads it)',
  reasonExample: 'For example: push to a draft branch instead',
  any: 'Any number',
  other: 'Something else',
  otherField: 'Your own words',
  /** @param {number} n */
  answerTo: (n) => `Your own words to question ${n}`,
  allowOnce: 'Allow once', allowOnceBusy: 'Allowing',
  allowRun: 'Allow for this run', allowRunBusy: 'Allowing',
  always: 'Always allow this folder', alwaysBusy: 'Allowing',
  deny: 'Deny', denyBusy: 'Denying',
  start: 'Start', startBusy: 'Starting', notStart: 'Do not start',
  send: 'Send answers', sendBusy: 'Sending', notAnswer: 'Do not answer',
  goOn: 'Go on', goOnBusy: 'Going on', stop: 'Stop the task', stopBusy: 'Stopping',
  gone: 'This does not wait any more',
  goneText: 'It was answered elsewhere, or its time was up. Nothing from this page was sent.',
  toNext: 'See the next one',
  toRuns: 'See the runs',
};
