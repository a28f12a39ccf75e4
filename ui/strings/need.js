// What waits for the person.

export const need = {
  /**
   * @param {number} at
   * @param {number} of
   */
  pager: (at, of) => `${at} of ${of}`,
  previous: 'Previous',
  next: 'Next',
  folderHeading: 'Work in this folder?',
  heading: 'An agent needs you',
  folder: 'Folder',
  run: 'Task',
  waiting: 'Waiting',
  /**
   * @param {string} waited
   * @param {string} left
   */
  times: (waited, left) => `${waited}, then denied in ${left}`,
  explain: 'What allowing a folder means',
  once: '“Allow once” lets this one task work there. “Always allow this folder” adds it to your folders, which you can change in the settings.',
  allowOnce: 'Allow once',
  allowOnceBusy: 'Allowing',
  always: 'Always allow this folder',
  alwaysBusy: 'Allowing',
  deny: 'Deny',
  gone: 'Nothing waits for you here',
  goneText: 'It was answered, or its time was up.',
  toRuns: 'See the runs',
};
