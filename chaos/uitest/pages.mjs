// What people look at.

// ownWords are lines about the call to nobody, a failure that each server tells in words of its own.
export const ownWords = /Nobody\/greet|related line/;

const id = (side, name) => side.kept[name];

// journal opens the page of an invocation, on which some texts have to be.
const journal = (name, ...texts) => ({
  name: `an invocation: ${name}`,
  act: (side) => side.invocation(name, ...texts),
});

export const pages = [
  {
    name: 'the overview',
    act: (side) => side.go('overview', 'GoWaiter', /11\s*invocations/),
  },
  {
    name: 'the deployments',
    async act(side) {
      await side.click('tab', /^Deployments/);
      await side.see('Registered', 'Active');
    },
  },
  {
    name: 'a service',
    async act(side) {
      await side.click('tab', /^Services/);
      await side.click('link', 'Open service GoStore');
      await side.see(side.page.getByRole('heading', { name: 'Handlers' }));
    },
  },
  {
    name: 'a deployment',
    async act(side) {
      const [{ id }] = await side.query('SELECT id FROM sys_deployment');
      await side.go(`overview?deployment=${id}&panel=deployment`,
        side.page.getByRole('heading', { name: 'Deployment details' }));
    },
  },
  {
    // Its pages are made of OpenAPI documents, whose wording is each server's own.
    name: 'the playground of a service',
    async act(side) {
      await side.go('overview?servicePlayground=GoBasic',
        side.page.getByRole('heading', { name: 'GoBasic', level: 1 }));
    },
    same: false,
  },
  {
    name: 'all invocations',
    async act(side) {
      await side.go('overview', 'GoWaiter');
      await side.all();
      await side.rows(11);
    },
  },
  {
    name: 'invocations by service',
    async act(side) {
      await side.click('tab', /^GoStore/);
      await side.rows(3);
    },
  },
  {
    name: 'invocations by handler',
    async act(side) {
      await side.all();
      await side.filter('Handler', 'sleep');
      await side.rows(3);
    },
  },
  {
    name: 'invocations by status: held up',
    async act(side) {
      await side.click('link', 'Held up');
      await side.rows(2);
    },
  },
  {
    name: 'invocations by status: running',
    async act(side) {
      await side.click('link', 'Running');
      await side.rows(5);
    },
  },
  {
    name: 'an invocation by its ID',
    async act(side) {
      await side.page.getByRole('textbox', { name: 'Invocation ID' }).fill(id(side, 'succeeded'));
      await side.click('button', 'Go to invocation');
      await side.see(
        side.page.getByRole('navigation', { name: 'Breadcrumb' }).getByText(id(side, 'succeeded')), 'Succeeded');
    },
  },
  journal('succeeded', 'Succeeded', '"ui-1"', 'sleep', '"ui-3"', 'return'),
  {
    name: 'what an invocation was given',
    async act(side) {
      await side.click('button', 'Input', side.main);
      await side.see(side.page.getByText('"millis"'));
    },
  },
  journal('failed', 'Failed', 'a teapot'),
  journal('running', 'Running', 'sleep'),
  { ...journal('retrying', /Nobody/), except: ownWords },
  journal('calling', 'GoBasic', 'call'),
  journal('stored', 'Succeeded', 'set'),
  journal('holding', 'Running', 'sleep'),
  journal('waiting', 'Pending'),
  journal('workflow', 'Running', '"ui-order-1"'),
  journal('scheduled', 'Scheduled'),
  {
    name: 'virtual objects',
    async act(side) {
      await side.go('virtual-objects', side.page.getByRole('heading', { name: 'Virtual Objects' }));
      await side.click('tab', 'GoStore'); // the reference server lists services in no order
      await side.see('busy');
    },
  },
  {
    name: 'a virtual object with a queue',
    async act(side) {
      await side.go('virtual-objects/GoStore/busy', 'busy');
      await side.click('tab', /^Inbox/);
      await side.see('add');
    },
  },
  {
    name: 'workflows',
    act: (side) => side.go('workflows', side.page.getByRole('heading', { name: 'Workflows' })),
  },
  {
    name: 'a workflow',
    act: (side) => side.go('workflows/GoOrder/order-1', 'order-1'),
  },
  { name: 'state', act: (side) => side.go('state/GoStore', 'cart', 'colour') },
  {
    name: 'introspection',
    async act(side) {
      const sql = 'SELECT name, ty FROM sys_service ORDER BY name';
      await side.go(`introspection?query=${encodeURIComponent(sql)}`);
      await side.see('GoLazyStore');
    },
  },
];
