// Every word of the pages. Words that the tray says too (titles, notices, strips) come with the state.
// A sentence is written whole here, with its numbers and names put in: pages never build one from pieces.
// They stand by page in strings/; this is where pages take them from.
export * from './strings/base.js';
export * from './strings/health.js';
export * from './strings/need.js';
export * from './strings/receipts.js';
export * from './strings/runs.js';
export * from './strings/sessions.js';
export * from './strings/settings.js';
export * from './strings/sheets.js';
export * from './strings/sign-in.js';
