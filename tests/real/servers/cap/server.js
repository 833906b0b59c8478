// The server around the model: loopback only, OData V2 beside V4, CSRF tokens as SAP's Gateway demands them, and what the
// tests look at.
const cds = require('@sap/cds');
const cov2ap = require('@cap-js-community/odata-v2-adapter');
const { randomUUID } = require('node:crypto');

const CHANGES = ['POST', 'PUT', 'PATCH', 'DELETE', 'MERGE'];
const SESSION = 'SAP_SESSIONID_CAP_100';
let sessions = new Map();
let seen = [];
let losing = false;

const sessionOf = (request) => new RegExp(`${SESSION}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1];

// A token belongs to a session, and the session to a cookie: without it the token is worth nothing.
function csrf(request, response, next) {
  const token = request.headers['x-csrf-token'] ?? '';
  if (token.toLowerCase() === 'fetch' && !CHANGES.includes(request.method)) {
    let session = sessionOf(request);
    if (!sessions.has(session)) {
      session = randomUUID();
      sessions.set(session, randomUUID());
    }
    response.setHeader('set-cookie', [`${SESSION}=${session}; path=/; HttpOnly`, 'sap-usercontext=sap-client=100; path=/']);
    response.setHeader('x-csrf-token', sessions.get(session));
  } else if (CHANGES.includes(request.method) && (!token || sessions.get(sessionOf(request)) !== token)) {
    response.setHeader('x-csrf-token', 'Required');
    return response.status(403).type('text/plain').send('CSRF token validation failed');
  }
  next();
}

cds.on('bootstrap', (app) => {
  const listen = app.listen;
  app.listen = function (port, ...rest) {
    return listen.call(this, port, '127.0.0.1', ...rest.filter((one) => typeof one === 'function'));
  };
  app.get('/test/seen', (_, response) => response.json(seen.splice(0)));
  app.post('/test/forget-sessions', (_, response) => {
    sessions = new Map();
    response.json({});
  });
  app.post('/test/lose-an-answer', (_, response) => {
    losing = true;
    response.json({});
  });
  app.use((request, response, next) => {
    if (losing && CHANGES.includes(request.method) && !request.headers['x-inner']) {
      losing = false;
      response.end = () => request.socket.destroy();
    }
    next();
  });
  app.use((request, _, next) => {
    // The V2 adapter asks the V4 service over HTTP: that is not the caller's request.
    if (!request.headers['x-inner']) seen.push({ method: request.method, url: request.url, headers: request.headers });
    next();
  });
  app.use('/sap/opu', csrf);
  app.use((request, _, next) => {
    if (request.url.startsWith('/sap/opu/odata/')) request.headers['x-inner'] = 'yes';
    next();
  });
  app.use(cov2ap());
});

require('./erp');

module.exports = cds.server;
