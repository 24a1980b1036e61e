// The write API as one hono app: what the CLI's online verbs call. Served only on the state folder's Unix socket (socket.ts).

import { meshOf } from '../../compile/compile.ts';
import type { RecordSource } from '../../telemetry/record-book.ts';
import type { RequestRow } from '../../telemetry/request-row.ts';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import { errorText } from '../../api/coded-error.ts';
import type { ObjectRef } from '../../api/object.ts';
import type { DiagnosticBoard } from '../diagnostic-board.ts';
import type { Logger } from '../log.ts';
import type { Platform } from '../platform.ts';
import { findPods, type PodName } from '../workloads.ts';
import { analyseMesh } from './analysis.ts';
import { applyManifests, deleteObjects, diagnosticLine, type ChangeTargets } from './changes.ts';
import type {
  AnalysisRequest,
  ApplyRequest,
  DeleteRequest,
  DistributionAnswer,
  DistributionRequest,
  ExecAnswer,
  ExecRequest,
  ObjectEvent,
  PlacesRequest,
  Refusal,
  RequestsAnswer,
  ScopeAnswer,
  StartAnswer,
  StatusAnswer,
  UnrecordedAnswer,
  VersionAnswer,
  WordsAnswer,
} from './contract.ts';
import { behindNow, distributionOf, isDelivered, type DistributionParts } from './distribution.ts';
import { eventStream } from './event-stream.ts';
import { happened } from './happened.ts';
import { meshAnswer, placesOf } from './mesh.ts';
import { kindsNamed, printedName } from './names.ts';
import { listObjects, watchObjects, type ObjectsQuery } from './objects.ts';
import { podNames, podRows, workloadStatuses } from './pods.ts';
import { ApiError } from './refusal.ts';
import { distinctOf, followRequests, listRequests, unrecorded, type RequestsQuery } from './requests.ts';
import { scopeOfWorkload } from './scope.ts';
import { wordKinds, wordsOf } from './words.ts';
import { refsInFiles, refsNamed } from './refs.ts';

export interface ApiParts extends ChangeTargets, DistributionParts {
  /** Objects whose present form is not in effect yet. */
  readonly waiting: () => readonly ObjectRef[];
  readonly diagnostics: DiagnosticBoard;
  /** What MeshConfig is read from, where that is no object. */
  readonly meshConfigFile: string | undefined;
  readonly about: Pick<StatusAnswer, 'version' | 'started' | 'state' | 'addresses'>;
  readonly log: Logger;
  /** Ends the whole process in order, as `lateen down` asks. */
  readonly stop: (() => void) | undefined;
}

/** More than any folder of manifests; keeps a mistaken `apply -f /` from filling the memory. */
const maxRequestBytes = 128 * 1024 * 1024;

export function apiApp(parts: ApiParts): Hono {
  const { store } = parts;
  const app = new Hono();
  app.use(
    bodyLimit({
      maxSize: maxRequestBytes,
      onError: () => refuse(new ApiError(413, 'the request is too large', 'apply in parts')),
    }),
  );
  app.onError((error) => {
    // What was asked for in vain, a pod's container say, is no fault of this process.
    if (!hasHelp(error)) parts.log.error({ err: error }, 'a call of the API failed');
    return refuse(error);
  });
  app.notFound(() => refuse(new ApiError(404, 'there is no such call', 'are the CLI and the mesh of one version?')));

  app.get('/v1/version', (c) => c.json({ version: parts.about.version, pid: process.pid } satisfies VersionAnswer));
  app.post('/v1/apply', async (c) => c.json(applyManifests(await requestOf<ApplyRequest>(c, 'files'), parts)));
  app.post('/v1/delete', async (c) => c.json(await deleteObjects(await requestOf<DeleteRequest>(c), parts)));
  app.get('/v1/objects', (c) =>
    c.req.query('watch') === 'true'
      ? watch(c, parts)
      : c.json(listObjects(objectsQuery(c), store, c.req.query('distribution') === 'true' ? parts : undefined)),
  );
  app.post('/v1/distribution', async (c) => c.json(distribution(await requestOf<DistributionRequest>(c), parts)));
  app.get('/v1/mesh', (c) => c.json(meshAnswer(store, parts.meshConfigFile)));
  app.post('/v1/places', async (c) => c.json(placesOf(await requestOf<PlacesRequest>(c, 'fields'), store)));
  app.get('/v1/pods', (c) => c.json(podRows(store, parts.platform(), c.req.query('namespace'))));
  app.get('/v1/workloads', (c) => c.json(podNames(store)));
  app.get('/v1/words', (c) => c.json(words(c, parts)));
  app.get('/v1/diagnostics', (c) => c.json(parts.diagnostics.all().map(diagnosticLine)));
  app.post('/v1/analysis', async (c) =>
    c.json(await analyseMesh(await requestOf<AnalysisRequest>(c, 'suppress'), store, parts.diagnostics)),
  );
  app.get('/v1/status', (c) =>
    c.json({
      ...parts.about,
      addresses: { ...parts.about.addresses, ...parts.platform()?.published?.() },
      workloads: workloadStatuses(store, parts.platform(), parts.distribution.list()),
      diagnostics: parts.diagnostics.counts(),
      behind: behindNow(parts.waiting(), parts),
    } satisfies StatusAnswer),
  );
  app.get('/v1/start', (c) => {
    const start: StartAnswer | undefined = platformOf(parts).start?.();
    if (start === undefined) throw new ApiError(501, 'this control plane started no workloads');
    return c.json(start);
  });
  app.post('/v1/stop', (c) => {
    if (parts.stop === undefined) throw new ApiError(501, 'this process is not stopped by call', 'end it by its own means');
    // After the answer has left.
    setImmediate(parts.stop);
    return c.json({ stopping: true });
  });

  app.get('/v1/requests', (c) => requests(c, parts));
  app.get('/v1/unrecorded', (c) => c.json(unrecorded(recordsOf(parts)) satisfies UnrecordedAnswer));
  app.get('/v1/happened', (c) => c.json(happened(c.req.query('id') ?? '', recordsOf(parts), parts)));
  app.get('/v1/scope', async (c) => c.json((await scope(c, parts)) satisfies ScopeAnswer));
  app.get('/v1/logs', (c) => logs(c, parts));
  app.post('/v1/exec', async (c) => {
    const { workload, namespace, container, command } = await requestOf<ExecRequest>(c, 'workload', 'command');
    return c.json((await platformOf(parts).exec(onePod(parts, workload, namespace), container, command)) satisfies ExecAnswer);
  });
  app.get('/v1/proxy', async (c) => {
    const path = c.req.query('path') ?? '';
    if (!readable.test(path)) throw new ApiError(400, `${path} is not read through this API`);
    const pod = onePod(parts, c.req.query('workload') ?? '', c.req.query('namespace'));
    return c.json(await platformOf(parts).proxyAdmin(pod, 'GET', path));
  });
  app.post('/v1/proxy', async (c) => {
    const { workload, namespace, path } = await requestOf<{ workload: string; namespace?: string; path: string }>(
      c,
      'workload',
      'path',
    );
    if (!writable.test(path)) throw new ApiError(400, `${path} is not changed through this API`);
    return c.json(await platformOf(parts).proxyAdmin(onePod(parts, workload, namespace), 'POST', path));
  });
  return app;
}

function distribution({ files, namespace, ...named }: DistributionRequest, parts: ApiParts): DistributionAnswer {
  const { store } = parts;
  const within = namespace === undefined ? {} : { namespace };
  const refs =
    files === undefined ? refsNamed({ ...named, ...within }, store) : refsInFiles(files, namespace, 'nothing is known');
  const there = refs.filter((ref) => store.get(ref) !== undefined);
  // Files hold Deployments and the like beside what is delivered; asked for by name, such a kind is a mistake.
  const delivered = there.filter(isDelivered);
  const missing = refs.filter((ref) => !there.includes(ref)).map((ref) => `${printedName(ref)} not found`);
  if (files === undefined) {
    for (const ref of there) if (!isDelivered(ref)) missing.push(`${printedName(ref)} is of a kind that proxies are not sent`);
  }
  return { objects: distributionOf(delivered, parts), missing };
}

function words(c: Context, { store }: ApiParts): WordsAnswer {
  const of = wordKinds.find((kind) => kind === c.req.query('of'));
  if (of === undefined) throw new ApiError(400, `there are no words of ${c.req.query('of')}`, `ask for ${wordKinds.join(', ')}`);
  const [kind, namespace, prefix] = ['kind', 'namespace', 'prefix'].map((name) => c.req.query(name));
  return wordsOf({ of, kind, namespace, prefix }, store);
}

/** What may be asked of an Envoy's admin interface, which could also shut it down. */
const readable = /^\/(?:config_dump|clusters|listeners|certs|stats|stats\/prometheus|server_info|ready)(?:\?[\w=&.,|:%-]*)?$/;
const writable = /^\/logging(?:\?[\w-]+=[a-z]+)?$/;

function refuse(error: unknown): Response {
  const refusal: Refusal = {
    message: error instanceof Error ? error.message : String(error),
    help: hasHelp(error) ? error.help : '',
    ...(hasHelp(error) && 'code' in error && { code: String(error.code) }),
  };
  return Response.json(refusal, { status: error instanceof ApiError ? error.status : 500 });
}

/** Errors of our rooms say what to do. */
const hasHelp = (error: unknown): error is Error & { readonly help: string } =>
  error instanceof Error && 'help' in error && typeof error.help === 'string';

async function requestOf<Request extends object>(c: Context, ...required: (keyof Request & string)[]): Promise<Request> {
  const body: unknown = await c.req.json().catch(() => undefined);
  if (typeof body !== 'object' || body === null) throw new ApiError(400, 'the request is not a JSON object');
  for (const field of required) if (!(field in body)) throw new ApiError(400, `the request has no ${field}`);
  return body as Request;
}

const objectsQuery = (c: Context): ObjectsQuery => ({
  kinds: c.req.query('kinds') ?? '',
  names: c.req.query('name')?.split(',') ?? [],
  namespace: c.req.query('namespace'),
  selector: c.req.query('selector'),
});

function watch(c: Context, { store }: ApiParts): Response {
  const query = objectsQuery(c);
  kindsNamed(query.kinds);
  return eventStream<ObjectEvent>(c, (take) => watchObjects(query, store, take));
}

function recordsOf(parts: ApiParts): RecordSource {
  const { records } = platformOf(parts);
  if (records === undefined)
    throw new ApiError(501, 'the proxies of this mesh write no access records', 'start it with --records and a number');
  return records;
}

function requests(c: Context, parts: ApiParts): Response {
  const records = recordsOf(parts);
  const [limit, since] = ['limit', 'since'].map((name) => c.req.query(name));
  const query: RequestsQuery = {
    failed: c.req.query('failed') === 'true',
    from: c.req.query('from'),
    to: c.req.query('to'),
    id: c.req.query('id'),
    namespace: c.req.query('namespace'),
    limit: limit === undefined ? undefined : Number(limit),
    since: since === undefined ? undefined : Number(since),
  };
  if (c.req.query('distinct') === 'true') return c.json(distinctOf(records, query, meshOf(parts.store).peek()));
  return c.req.query('watch') === 'true'
    ? eventStream<RequestRow>(c, (take) => followRequests(records, query, () => meshOf(parts.store).peek(), take))
    : c.json(listRequests(records, query, meshOf(parts.store).peek()) satisfies RequestsAnswer);
}

function logs(c: Context, parts: ApiParts): Response {
  const platform = platformOf(parts);
  const pod = onePod(parts, c.req.query('workload') ?? '', c.req.query('namespace'));
  const tail = c.req.query('tail');
  const ended = new AbortController();
  const lines = platform.logs(pod, {
    container: c.req.query('container'),
    follow: c.req.query('follow') === 'true',
    previous: c.req.query('previous') === 'true',
    tail: tail === undefined ? undefined : Number(tail),
    signal: ended.signal,
  });
  return stream(
    c,
    async (out) => {
      out.onAbort(() => ended.abort());
      for await (const text of lines) await out.write(text);
    },
    async (error, out) => {
      await out.writeln(`lateen: ${errorText(error)}`);
    },
  );
}

function scope(c: Context, parts: ApiParts): Promise<ScopeAnswer> {
  const found = findPods(podNames(parts.store), c.req.query('workload') ?? '', c.req.query('namespace'));
  if ('message' in found) throw new ApiError(404, found.message, found.help);
  return scopeOfWorkload(found.pods, { ...parts, platform: platformOf(parts) });
}

function platformOf(parts: ApiParts): Platform {
  const platform = parts.platform();
  if (platform === undefined)
    throw new ApiError(501, 'this control plane runs no workloads', 'lateen up does; or use your platform’s own tools');
  return platform;
}

/** The first of a workload's pods, as kubectl takes it. */
function onePod({ store }: ApiParts, workload: string, namespace: string | undefined): PodName {
  const found = findPods(podNames(store), workload, namespace);
  if ('message' in found) throw new ApiError(404, found.message, found.help);
  const [pod] = found.pods;
  if (pod === undefined) throw new ApiError(404, `no pod of ${workload}`);
  return pod;
}
