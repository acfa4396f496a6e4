// A real OpenID provider for tests: on loopback, in memory, told what to do on standard input.
// Its argument: the folder of the package oidc-provider.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { default: Provider } = await import(pathToFileURL(`${process.argv[2]}/lib/index.js`));

console.info = console.error; // the library's notices; standard output is for answers
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const AUDIENCE = 'https://firebreak.example/api';
const REDIRECT = 'http://127.0.0.1/callback';
const groups = { alice: ['soc'], bob: ['leads'], eve: [] };
const emails = { alice: 'alice@plant.example' };
const lifetime = { seconds: 300 };
const keys = [];

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
let made = 0;

function addKey(alg) {
  const jwk = generateKeyPairSync(...kinds[alg]).privateKey.export({ format: 'jwk' });
  made += 1;
  keys.unshift({ ...jwk, alg, use: 'sig', kid: `${alg}-${made}` });
}

function client(id) {
  return {
    client_id: id,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [REDIRECT],
    id_token_signed_response_alg: 'ES256',
  };
}

function make(issuer) {
  return new Provider(issuer, {
    clients: [client('firebreak'), client('another')],
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    claims: { openid: ['sub'], groups: ['groups'], email: ['email', 'email_verified'] },
    scopes: ['openid', 'offline_access', 'groups', 'email'],
    conformIdTokenClaims: false,
    issueRefreshToken: async () => true,
    ttl: { AccessToken: () => lifetime.seconds, IdToken: () => lifetime.seconds },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...said(id) }) }),
    extraTokenClaims: (_, token) => said(token.accountId),
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({
          scope: 'firebreak',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
  });
}

function said(id) {
  const email = emails[id];
  const found = { groups: groups[id] ?? [] };
  return email ? { ...found, email, email_verified: true } : found;
}

addKey('ES256');
addKey('RS256');
let handle = (_, answer) => answer.writeHead(503).end();
const server = createServer((request, answer) => handle(request, answer));
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  handle = make(issuer).callback();
  say({ issuer, audience: AUDIENCE });
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { set, sign, seconds } = JSON.parse(line);
    if (set) Object.assign(groups, set);
    if (seconds) lifetime.seconds = seconds;
    if (sign) { // access tokens are signed so from now on, and the old keys are gone
      keys.length = 0;
      for (const alg of new Set(['ES256', sign])) addKey(alg);
      handle = make(issuer).callback();
    }
    say({});
  }).on('close', () => process.exit(0));
});
