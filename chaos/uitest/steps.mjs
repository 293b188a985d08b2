// What is clicked, in this order. Each step gets a side: a server with its page. After it, both pages
// have to show the same but for lines that match except, or may be different, if same is false.

import { operations } from './operations.mjs';
import { pages } from './pages.mjs';

const hour = 3_600_000;

// began names the invocations that the pages are about, and how far each is when they are looked at.
const began = {
  succeeded: ['GoBasic/steps', { id: 'ui', millis: 1 }, 'completed'],
  failed: ['GoBasic/fail', { code: 418, message: 'a teapot' }, 'completed'],
  running: ['GoBasic/sleep', { millis: hour }, 'running'],
  retrying: ['GoComm/call', { service: 'Nobody', handler: 'greet' }, 'backing-off'],
  calling: [
    'GoComm/call', { service: 'GoBasic', handler: 'sleep', input: { millis: hour } }, 'running',
  ],
  stored: ['GoStore/cart/set', { key: 'colour', value: 'blue' }, 'completed'],
  holding: ['GoStore/busy/hold', { millis: hour }, 'running'],
  waiting: ['GoStore/busy/add', 1, 'pending'],
  workflow: ['GoOrder/order-1/run', { id: 'ui-order', wait: true }, 'running'],
};

const beginning = [
  {
    name: 'an empty server',
    async act(side) {
      await side.see(side.page.getByText('Restate server'), 'Register deployment');
    },
  },
  {
    name: 'register a deployment',
    async act(side) {
      await side.click('link', 'Register deployment');
      await side.dialog.getByPlaceholder('http://localhost:9080').fill(side.services);
      await side.click('button', 'Next', side.dialog);
      await side.see(side.dialog.getByText('GoWaiter'));
    },
  },
  {
    name: 'confirm the deployment',
    async act(side) {
      await side.confirm(/^Confirm/);
      await side.until('SELECT endpoint FROM sys_deployment', [{ endpoint: `${side.services}/` }]);
      await side.see('GoWaiter');
    },
  },
  {
    // Not a click: what the pages below show.
    name: 'make invocations',
    async act(side) {
      for (const [name, [path, body, status]] of Object.entries(began)) {
        side.kept[name] = await side.send(path, body);
        await side.until(
          `SELECT status FROM sys_invocation WHERE id = '${side.kept[name]}'`, [{ status }]);
      }
      side.kept.scheduled = (await side.call('GoBasic/sleep/send?delay=1h', { millis: 1 })).invocationId;
    },
    same: false,
  },
];

export const steps = [...beginning, ...pages, ...operations];
