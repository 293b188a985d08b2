// Drives the web UI of two servers at once. The configuration is the first argument; each line that
// is printed is {"step", "problem"}, the last one {"done": true}. It ends with its standard input.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { Side, pause } from './side.mjs';
import { steps } from './steps.mjs';

const config = JSON.parse(process.argv[2]);
const SAME_TIMEOUT = 90_000; // until both pages show the same
const POLL = 300;

const sides = config.sides.map((side) => new Side(side));

// difference lists the lines that only one of two sorted lists has.
function difference(want, got) {
  const out = [];
  let i = 0;
  let j = 0;
  while (i < want.length || j < got.length) {
    if (j === got.length || (i < want.length && want[i] < got[j])) {
      out.push(`  only the reference server: ${want[i++]}`);
    } else if (i === want.length || got[j] < want[i]) {
      out.push(`  only this server: ${got[j++]}`);
    } else {
      i++;
      j++;
    }
  }
  return out;
}

// same waits until both pages show the same but for lines that match except, and returns what differs
// if they never do.
async function same(except) {
  let end = Date.now() + SAME_TIMEOUT;
  let again = false;
  for (let before = ''; ; await pause(POLL)) {
    const [want, got] = await Promise.all(sides.map((side) => side.text(except)));
    const now = JSON.stringify([want, got]);
    const differs = difference(want, got);
    // Twice the same: nothing is on its way.
    if (differs.length === 0 && now === before && !want.some((line) => /^Loading/.test(line))) return [];
    // A page of the reference server now and then never shows what it should: it is loaded once more.
    if (Date.now() > end && !again && differs.some((line) => line.startsWith('  only this server'))) {
      again = true;
      end = Date.now() + SAME_TIMEOUT / 3;
      await sides[0].page.reload().catch(() => {});
      continue;
    }
    if (Date.now() > end) return differs.length > 0 ? differs : ['  the pages do not come to rest'];
    before = now;
  }
}

async function make(step) {
  for (const side of sides) side.forget();
  const problems = [];
  const outcomes = await Promise.allSettled(sides.map((side) => step.act(side)));
  outcomes.forEach((outcome, i) => {
    if (outcome.status === 'rejected') {
      const why = String(outcome.reason?.message ?? outcome.reason).split('\n').slice(0, 12);
      problems.push(`  ${sides[i].name}: ${why.join('\n    ')}`);
    }
  });
  if (problems.length === 0 && step.same !== false) problems.push(...(await same(step.except)));
  const [reference, own] = sides;
  for (const failed of new Set(own.failed)) {
    if (!reference.failed.includes(failed)) problems.push(`  ${failed}`);
  }
  for (const error of new Set(own.errors)) {
    if (!reference.errors.includes(error)) problems.push(`  ${error}`);
  }
  return problems.map((line) => line + '\n').join('');
}

async function picture(number, step) {
  const name = `${String(number + 1).padStart(2, '0')}-${step.name.replaceAll(/\W+/g, '-')}`;
  await Promise.all(
    sides.map((side) => side.page.screenshot({ path: join(config.shots, `${name}-${side.name}.png`) })),
  );
}

// Whoever started this has gone: the browser goes too.
process.stdin.on('end', () => process.exit(1)).resume().unref();

const print = (line) => process.stdout.write(JSON.stringify(line) + '\n');

const browser = await chromium.launch({
  executablePath: config.chromium,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--disable-dev-shm-usage', '--disable-gpu-rasterization', '--disable-software-rasterizer',
  ],
});
try {
  for (const side of sides) await side.open(browser);
  if (config.shots) mkdirSync(config.shots, { recursive: true });
  for (const [number, step] of steps.entries()) {
    const problem = await make(step);
    if (config.shots) await picture(number, step);
    // What is open now would be in the way of the next step.
    if (problem !== '') await Promise.all(sides.map((side) => side.load()));
    print({ step: step.name, problem });
  }
  print({ done: true });
} finally {
  await browser.close();
}
