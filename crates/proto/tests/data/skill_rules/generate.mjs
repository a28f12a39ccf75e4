// Records what JavaScript answers: is a pattern valid, and which texts does it match. Writes js_cases.json beside itself.
// Seeded, so the same Node writes the same file:  node generate.mjs   (recorded with Node 20)
// Another seed and size, to search further:  node generate.mjs <seed> <patterns> <file>
import { writeFileSync } from 'node:fs';
import { handWritten } from './patterns.mjs';

const seed = Number(process.argv[2] ?? 20);
const count = Number(process.argv[3] ?? 2400);
const target = process.argv[4] ?? new URL('js_cases.json', import.meta.url);

let state = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n;
const random = (below) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number((state >> 33n) % BigInt(below));
};
const pick = (list) => list[random(list.length)];
const chance = (percent) => random(100) < percent;
const times = (n, make) => Array.from({ length: n }, make);

const LETTERS = ['a', 'b', 'c', 'A', 'Z', '0', '1', '7', '_', ' ', '-', '/', 'é', 'ſ', 'K', '\n', '\r', '\u2028', '\u00a0', '\ufeff', '😀', '\t'];
const SYNTAX = ['(', ')', '[', ']', '{', '}', '*', '+', '?', '^', '$', '.', '|', '\\', '-', ',', '<', '>', ':', '=', '!', 'k', 'c', 'u', 'x', '0', '1', '8', 'b', 'd', 'a'];

// A part of a pattern: its source, and one text it may well match.
const ATOMS = [
  () => { const c = pick(['a', 'b', 'c', 'ab', 'A', '0', '_', ' ', 'é', '/']); return { p: c, t: c }; },
  () => ({ p: '.', t: pick(LETTERS) }),
  () => ({ p: '\\d', t: pick(['0', '7', '٣']) }),
  () => ({ p: '\\D', t: pick(LETTERS) }),
  () => ({ p: '\\w', t: pick(['a', 'Z', '_', 'é', 'ſ']) }),
  () => ({ p: '\\W', t: pick(LETTERS) }),
  () => ({ p: '\\s', t: pick([' ', '\n', '\u00a0', '\ufeff', '\u2028', '\u180e', '\v', '\u0085']) }),
  () => ({ p: '\\S', t: pick(LETTERS) }),
  () => pick([{ p: '\\/', t: '/' }, { p: '\\-', t: '-' }, { p: '\\e', t: 'e' }, { p: '\\_', t: '_' }, { p: '\\é', t: 'é' }, { p: '\\.', t: '.' }]),
  () => pick([{ p: '\\x41', t: 'A' }, { p: '\\x4', t: 'x4' }, { p: '\\u0061', t: 'a' }, { p: '\\u61', t: 'u61' }, { p: '\\uD83D\\uDE00', t: '😀' }, { p: '\\uD83D', t: '😀' }, { p: '\\uDE00', t: '😀' }]),
  () => pick([{ p: '\\cJ', t: '\n' }, { p: '\\c', t: '\\c' }, { p: '\\c1', t: '\\c1' }, { p: '\\0', t: '\0' }, { p: '\\101', t: 'A' }, { p: '\\60', t: '0' }, { p: '\\400', t: ' 0' }, { p: '\\8', t: '8' }]),
  () => pick([{ p: '😀', t: '😀' }, { p: '[😀]', t: '😀' }, { p: '[\\uD800-\\uDBFF][\\uDC00-\\uDFFF]', t: '😀' }]),
  () => pick([{ p: '{', t: '{' }, { p: '}', t: '}' }, { p: ']', t: ']' }, { p: '{,2}', t: '{,2}' }, { p: '{a', t: '{a' }, { p: '\\p{L}', t: 'p{L}' }]),
  classPart,
  classPart,
];

function classPart() {
  const members = times(random(4), () => pick(['a', 'b', 'a-c', '0-7', '\\d', '\\w', '\\W', '\\s', '-', '\\b', '\\cA', '\\c', '\\c1', '\\]', '.', '^', '\\u0061-\\u0063', '\\x41', 'é', '😀', '\\d-a', 'a-\\d', '\\1', '\\0', '\\8', '[', '\\B', '\\-', '(', '\\S']));
  return { p: `[${chance(30) ? '^' : ''}${members.join('')}]`, t: pick(LETTERS) };
}

let groups = 0;
let named = [];
const quantify = ({ p, t }) => {
  const [mark, n] = pick([['*', 2], ['+', 2], ['?', 1], ['?', 0], ['*', 0], ['{2}', 2], ['{1,2}', 1], ['{0}', 0], ['{2,}', 3], ['{0,1}', 1]]);
  return { p: p + mark + (chance(25) ? '?' : ''), t: t.repeat(n) };
};

function term(depth) {
  const kind = random(100);
  if (depth === 0 || kind < 50) {
    const atom = pick(ATOMS)();
    const whole = [...atom.p].length === 1 || /^(\[.*\]|\\\w|\.)$/u.test(atom.p);
    return whole && chance(35) ? quantify(atom) : atom;
  }
  if (kind < 58) return pick([{ p: '^', t: '' }, { p: '$', t: '' }, { p: '\\b', t: '' }, { p: '\\B', t: '' }]);
  if (kind < 66) {
    const ref = named.length && chance(40) ? `\\k<${pick(named)}>` : `\\${1 + random(Math.max(groups, 1) + (chance(15) ? 1 : 0))}`;
    return chance(20) ? quantify({ p: ref, t: 'a' }) : { p: ref, t: pick(['', 'a', 'ab', 'b']) };
  }
  if (kind < 76) {
    const inner = alternatives(depth - 1);
    const open = pick(['(?=', '(?!', '(?<=', '(?<!']);
    const look = { p: `${open}${inner.p})`, t: open === '(?=' ? inner.t : '' };
    return !open.includes('<') && chance(15) ? quantify(look) : look;
  }
  let open = pick(['(', '(', '(?:', '(?:', '(?<']);
  if (open !== '(?:') groups += 1;
  if (open === '(?<') {
    const name = pick(['x', 'y', '$', 'é', '_1', 'x']) + (chance(85) ? groups : '');
    named.push(name);
    open = `(?<${name}>`;
  }
  const inner = alternatives(depth - 1);
  const group = { p: `${open}${inner.p})`, t: inner.t };
  return chance(45) ? quantify(group) : group;
}

function alternatives(depth) {
  const branches = times(chance(30) ? 2 : 1, () => times(chance(8) ? 0 : 1 + random(3), () => term(depth)));
  const chosen = pick(branches);
  return { p: branches.map((terms) => terms.map(({ p }) => p).join('')).join('|'), t: chosen.map(({ t }) => t).join('') };
}

// Breaks the syntax, or perhaps not: validity must agree either way.
function mutated(pattern) {
  const units = [...pattern];
  for (let n = 1 + random(2); n > 0; n -= 1) {
    const at = random(units.length + 1);
    if (chance(50)) units.splice(at, 1);
    else units.splice(at, 0, pick(SYNTAX));
  }
  return units.join('');
}

const noise = () => times(random(7), () => pick(LETTERS)).join('');
const plain = () => times(random(9), () => pick(['a', 'b', 'a', 'b', 'c', '0', ' ', 'A'])).join('');

function texts(like) {
  const all = [like, chance(50) ? `${plain()}${like}${plain()}` : `${like}${like}`, plain(), chance(50) ? noise() : plain()];
  return [...new Set(all)].map((text) => text.slice(0, 60).toWellFormed());
}

function record(pattern, candidates) {
  let regex;
  try { regex = new RegExp(pattern); } catch { return { pattern, valid: false, texts: [], matches: '' }; }
  try {
    return { pattern, valid: true, texts: candidates, matches: candidates.map((text) => (regex.test(text) ? '1' : '0')).join('') };
  } catch { return null; } // compiles only when asked, and is too large then: not a matter of syntax
}

const rows = handWritten.map(([pattern, ...candidates]) => record(pattern, candidates));
while (rows.length < count) {
  groups = 0;
  named = [];
  const { p, t } = alternatives(1 + random(3));
  if (p.length > 70) continue;
  const pattern = (chance(20) ? mutated(p) : p).toWellFormed();
  rows.push(record(pattern, texts(t)));
}
const kept = rows.filter(Boolean);
writeFileSync(target, `[\n${kept.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
const cases = kept.flatMap((row) => [...row.matches]);
console.log(`${kept.length} patterns, ${kept.filter((row) => !row.valid).length} invalid, ${cases.length} cases, ${cases.filter((m) => m === '1').length} match`);
