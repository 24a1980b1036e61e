// What a test file says: requests, and what must become of each. First step of `lateen test`.

import type { Static } from 'typebox';
import {
  anything,
  bool,
  choice,
  duration,
  either,
  integer,
  list,
  map,
  message,
  nonEmpty,
  number,
  text,
  textMap,
} from '../../api/schema.ts';

const percent = number(0, 100);

const sent = message(
  {},
  {
    method: text,
    path: text,
    authority: text,
    /** Headers as the caller's proxy sends them on. */
    headers: textMap,
    /** Headers that it does not send on. */
    without: list(nonEmpty),
  },
);

/** What must be true of a request, all of it. */
const expectation = message(
  {},
  {
    /** All such requests reach an application, or leave the mesh. */
    arrives: bool,
    /** The mesh answers with this status itself; as a map: with these, in percent of the requests. */
    status: either(integer(100, 599), map(percent)),
    /** The connection is closed without an answer. */
    closed: bool,
    /** A service, by any name that means it to the caller: `reviews`, `reviews.default`, its host. */
    service: nonEmpty,
    port: integer(1, 65_535),
    /** `''`: no subset. */
    subset: text,
    cluster: nonEmpty,
    /** Percent of the requests by subset, or by `SERVICE` and `SERVICE SUBSET`. */
    shares: map(percent),
    /** A workload that serves it. */
    workload: nonEmpty,
    sent,
    /** Where it is redirected to. */
    location: nonEmpty,
    timeout: duration,
    retries: integer(0, 1000),
    mirrors: list(nonEmpty),
    tls: choice('mutual', 'simple', 'none'),
    /** The object, or object and field, that decided: `VirtualService/default/reviews spec.http[0]`. */
    decidedBy: nonEmpty,
  },
);

const testCase = message(
  {
    /** As after `lateen why`: `GET http://reviews:9080/`, `tcp db:5432`. */
    request: nonEmpty,
    expect: expectation,
  },
  {
    name: nonEmpty,
    /** Who asks: a workload; default: a plain one of the namespace. */
    from: nonEmpty,
    /** The gateway that is asked from outside. */
    gateway: nonEmpty,
    namespace: nonEmpty,
    headers: textMap,
    sni: text,
    alpn: list(nonEmpty),
    sourceIp: nonEmpty,
    identity: nonEmpty,
    /** The claims of a token that is taken to be right. */
    claims: map(anything),
    version: choice('HTTP/1.0', 'HTTP/1.1', 'HTTP/2'),
  },
);

export const testFile = message({ tests: list(testCase, { minItems: 1 }) }, {});

export type Expectation = Static<typeof expectation>;
export type TestCase = Static<typeof testCase>;
