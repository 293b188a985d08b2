// What people change, and what came of it.

import { ownWords } from './pages.mjs';

const awaiting = "target_handler_name = 'await'";
const CANCELLED = 'completed [409] Cancelled';
const KILLED = 'completed [409] killed';

// confirmation is the name of the button by which a dialog does something; the rest may be left out.
const confirmation = (what) => new RegExp(`^(Confirm|${what.split(' ')[0]})`);

// operate picks an operation from the menu on the page of an invocation, and confirms it.
async function operate(side, name, what) {
  await side.invocation(name);
  // The one that is meant most often is a link, beside which a button opens the menu of all.
  const link = side.main.getByRole('link', { name: /…$/ }).first();
  await link.locator('xpath=following::button[1]').click();
  await side.click('menuitem', `${what}…`);
  await side.confirm(confirmation(what));
}

const single = (what, name, want) => ({
  name: `${what} an invocation: ${name}`.toLowerCase(),
  async act(side) {
    await operate(side, name, what);
    await side.outcomes(`id = '${side.kept[name]}'`, want);
  },
});

// batch does something to all invocations that the list shows.
const batch = (what, want) => ({
  name: `${what} many invocations`.toLowerCase(),
  async act(side) {
    await side.click('button', /^Actions/);
    await side.click('menuitemradio', `${what}…`);
    await side.confirm(confirmation(what));
    await side.outcomes(awaiting, want);
    await side.rows(want.length);
  },
});

const three = (word) => [word, word, word];

export const operations = [
  {
    name: 'edit state',
    async act(side) {
      await side.go('virtual-objects/GoStore/cart', side.page.getByRole('tab', { name: 'State' }));
      await side.click('tab', 'State');
      await side.click('button', 'Edit');
      await side.click('button', 'Add key', side.dialog);
      await side.dialog.getByRole('textbox', { name: 'key' }).last().fill('shape');
      await side.dialog.locator('.monaco-editor').last().click();
      await side.page.keyboard.type('"round"');
      await side.confirm('Save');
      await side.eventually('the keys of the cart', () => side.call('GoStore/cart/keys'), ['colour', 'shape']);
      await side.eventually('the shape', () => side.call('GoStore/cart/read', 'shape'), 'round');
      await side.go('state/GoStore', 'shape');
    },
  },
  single('Pause', 'running', ['paused']),
  single('Resume', 'running', ['running']),
  single('Cancel', 'running', [CANCELLED]),
  {
    name: 'retry an invocation now',
    async act(side) {
      await operate(side, 'retrying', 'Retry now');
      const id = side.kept.retrying;
      await side.until(
        `SELECT status, retry_count FROM sys_invocation WHERE id = '${id}'`,
        [{ status: 'backing-off', retry_count: 2 }]);
    },
    except: ownWords,
  },
  single('Kill', 'retrying', [KILLED]),
  single('Kill', 'calling', [KILLED]),
  {
    name: 'restart an invocation as new',
    async act(side) {
      await operate(side, 'succeeded', 'Restart as new');
      await side.outcomes(`restarted_from = '${side.kept.succeeded}'`, ['completed']);
      await side.see('Succeeded', 'return');
    },
  },
  single('Purge', 'failed', []),
  {
    name: 'many invocations',
    async act(side) {
      for (const key of ['a', 'b', 'c']) await side.send(`GoWaiter/${key}/await`, {});
      await side.outcomes(awaiting, three('running'));
      await side.all();
      await side.filter('Handler', 'await');
      await side.rows(3);
    },
  },
  batch('Pause', three('paused')),
  batch('Resume', three('running')),
  batch('Cancel', three(CANCELLED)),
  batch('Restart as new', [...three(CANCELLED), ...three('running')]),
  batch('Kill', [...three(CANCELLED), ...three(KILLED)]),
  batch('Purge', []),
  {
    // Its pages are made of OpenAPI documents, whose wording is each server's own.
    name: 'call a handler from the playground',
    async act(side) {
      await side.go('overview?servicePlayground=GoBasic',
        side.page.getByRole('heading', { name: 'GoBasic', level: 1 }));
      // The document of this server has handlers in groups, by what can be asked of them.
      const group = side.dialog.getByText('Request Response');
      const handler = side.dialog.getByRole('link', { name: /^steps/ });
      await handler.or(group).first().click();
      await handler.first().click();
      await side.click('button', 'Send API Request', side.dialog);
      await side.see(side.dialog.getByText('200 OK'));
      await side.outcomes(
        `target = 'GoBasic/steps' AND restarted_from IS NULL AND id <> '${side.kept.succeeded}'`,
        ['completed']);
    },
    same: false,
  },
  {
    name: 'delete a deployment',
    async act(side) {
      await side.go('overview?view=deployments', 'Registered');
      const rows = side.page.getByRole('grid', { name: 'Deployments', exact: true }).getByRole('row');
      await rows.last().getByRole('button').last().click();
      await side.click('menuitem', 'Delete');
      await side.dialog.getByRole('textbox').fill('delete');
      await side.confirm('Delete');
      await side.until('SELECT id FROM sys_deployment', []);
      await side.see('Register deployment');
    },
  },
];
