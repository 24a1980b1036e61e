// Authorization of requests.

import { RBACPerRouteSchema, RBACSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { askedOf } from '../asked.ts';
import { authorize } from '../rbac.ts';
import { typedConfig } from '../typed-config.ts';
import { answer, unwrapped, type HttpFilter } from './exchange.ts';

export const rbac: HttpFilter = ({ exchange, name, config, own }) => {
  const said = typedConfig(RBACPerRouteSchema, unwrapped(own));
  // A route that says nothing inside switches it off.
  const rules = said === undefined ? typedConfig(RBACSchema, config) : said.rbac;
  if (rules === undefined) return undefined;
  const denied = authorize(exchange.passage, name, rules, askedOf(exchange.passage, exchange.headers));
  return denied === undefined ? undefined : answer(403, '', denied, { body: 'RBAC: access denied' });
};
