// What the CLI and the control plane say to each other over the state folder's Unix socket: the JSON shapes of every call.

import type { MeshConfig } from '../../api/mesh-config.ts';
import type { MeshNetworks } from '../../api/mesh-networks.ts';
import type { ObjectRef } from '../../api/object.ts';
import type { Cause } from '../../telemetry/cause.ts';
import type { OriginName } from '../../telemetry/scene.ts';
import type { Called } from '../../telemetry/called-services.ts';
import type { RequestRow } from '../../telemetry/request-row.ts';
import type { StartReport } from '../platform.ts';

export type Document = Readonly<Record<string, unknown>>;

/** `diagnosticJson` of a Diagnostic, plus the line for people. */
export interface DiagnosticJson {
  readonly severity: 'error' | 'warning' | 'info';
  readonly code: string;
  readonly text: string;
  readonly [field: string]: unknown;
}

/** `POST /v1/apply` */
export interface ApplyRequest {
  readonly files: readonly { readonly source: string; readonly text: string }[];
  /** For objects that name no namespace. */
  readonly namespace?: string;
  readonly dryRun: boolean;
}

export interface ApplyAnswer {
  readonly results: readonly ApplyResult[];
  readonly diagnostics: readonly DiagnosticJson[];
  /** What running proxies make of the objects now: references to nothing, which a later object may mend. */
  readonly consequences: readonly DiagnosticJson[];
}

export interface ApplyResult {
  readonly ref: ObjectRef;
  /** As kubectl names it: `virtualservice.networking.istio.io/reviews`. */
  readonly name: string;
  readonly outcome: 'created' | 'configured' | 'unchanged' | 'refused';
}

/** `POST /v1/delete`: by file, or by kind and name. */
export interface DeleteRequest {
  readonly files?: ApplyRequest['files'];
  readonly kind?: string;
  readonly names?: readonly string[];
  readonly all?: boolean;
  readonly selector?: string;
  readonly namespace?: string;
}

export interface DeleteAnswer {
  readonly deleted: readonly string[];
  readonly errors: readonly string[];
}

/** `POST /v1/analysis`: the whole mesh, as `lateen analyze` looks at it. */
export interface AnalysisRequest {
  /** `CODE`, or `CODE=KIND NAMESPACE/NAME`. */
  readonly suppress: readonly string[];
}

export interface AnalysisAnswer {
  readonly objects: number;
  readonly diagnostics: readonly DiagnosticJson[];
  readonly suppressed: number;
}

/** `GET /v1/mesh`: everything that proxies are compiled from; of objects no more than `get` shows to the same caller. */
export interface MeshAnswer {
  /** With Istio's defaults in place: root namespace, trust domain and all the rest. */
  readonly meshConfig: MeshConfig;
  /** The file that it is from and stays from; without one the ConfigMap counts. */
  readonly meshConfigFile?: string | undefined;
  readonly meshNetworks: MeshNetworks;
  readonly clusterId: string;
  /** As they are compiled. */
  readonly objects: readonly Document[];
  /** The present forms of objects in whose place another is compiled, or none, until they lead somewhere. */
  readonly waiting: readonly Document[];
  /** Objects that are gone and compiled all the same, for those that use them. */
  readonly staying: readonly ObjectRef[];
}

/** `POST /v1/places`: where fields stand in the files that they were read from. */
export interface PlacesRequest {
  /** `VirtualService/default/reviews`, `spec.http[0]`. */
  readonly fields: readonly { readonly object: string; readonly path: string }[];
}

/** In the same order: the field's path as the object has it, where the one that was asked for tells an item of a list by its content. */
export interface PlacesAnswer {
  readonly places: readonly { readonly path: string; readonly place: string | null }[];
}

/** `GET /v1/objects?kinds=vs,dr&namespace=&name=&selector=&watch=true`: no namespace means all of them. */
export interface ObjectsAnswer {
  readonly kinds: readonly KindTable[];
  /** Names that were asked for and are not there. */
  readonly missing: readonly string[];
}

export interface KindTable {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly columns: readonly { readonly name: string; readonly wide: boolean }[];
  readonly items: readonly ObjectRow[];
}

export interface ObjectRow {
  readonly document: Document;
  readonly cells: readonly string[];
}

/** `POST /v1/distribution`: how far objects have come, named as for `/v1/delete`. */
export type DistributionRequest = Omit<DeleteRequest, 'all'>;

export interface DistributionAnswer {
  readonly objects: readonly ObjectDistribution[];
  /** Names that were asked for and are not there, or are of a kind that no proxy is sent. */
  readonly missing: readonly string[];
}

export interface ObjectDistribution {
  /** `virtualservice.networking.istio.io/reviews` */
  readonly name: string;
  readonly namespace: string;
  /** Proxies that need it, and how many of them have acknowledged all that there is of it. */
  readonly proxies: number;
  readonly acknowledged: number;
  /** The others, each with why. */
  readonly behind: readonly ProxyBehind[];
  /** No connected proxy needs it, and some get what it is about only when they call that. */
  readonly uncalled: boolean;
  /** What the object itself waits for, before any proxy gets its present form. */
  readonly waits: readonly string[];
}

export interface ProxyBehind {
  /** `POD.NAMESPACE` */
  readonly proxy: string;
  readonly state: 'sending' | 'rejected' | 'not connected';
  /** Envoy's own words, or what is broken; empty where it is a matter of a moment. */
  readonly why: string;
}

/** One line of a watch. */
export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly table: KindTable;
}

/** `GET /v1/pods`, `GET /v1/status` */
export interface PodRow {
  readonly namespace: string;
  readonly name: string;
  readonly workload: string;
  readonly phase: string;
  readonly ready: string;
  readonly restarts: number;
  readonly address: string;
  readonly started: string;
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    readonly state: string;
    readonly restarts: number;
  }[];
}

export interface StatusAnswer {
  readonly version: string;
  readonly started: string;
  readonly state: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly workloads: readonly WorkloadStatus[];
  readonly diagnostics: { readonly error: number; readonly warning: number; readonly info: number };
  /** Objects that some connected proxy lacks in their present form, or that wait themselves; the first hundred. */
  readonly behind: readonly ObjectDistribution[];
}

export interface WorkloadStatus {
  readonly namespace: string;
  readonly name: string;
  /** `running`, `starting`, `crashed (3 restarts)`, …; empty for a pod outside the mesh. */
  readonly proxy: string;
  readonly identity: string;
  /** RFC 3339; empty while there is no certificate. */
  readonly certificateExpires: string;
  readonly configuration: 'arrived' | 'sending' | 'rejected' | 'not arrived' | 'not connected' | '';
  /** Why some of it did not arrive: it cannot be computed. */
  readonly problem?: string;
  /** Why Envoy rejected what it was sent. */
  readonly rejection?: string;
  /** What it asked for, type by type; absent where it is not connected. */
  readonly types?: readonly TypeStatus[];
}

export interface TypeStatus {
  /** `listener`, `route`, `cluster`, `endpoint`, `secret`, … */
  readonly type: string;
  /** How many there are for it. */
  readonly resources: number;
  readonly state: Exclude<WorkloadStatus['configuration'], 'not connected' | ''>;
}

/**
 * `GET /v1/requests?failed=&from=&to=&id=&namespace=&since=&limit=`: what proxies recorded, oldest first; with `watch=true` a row per line
 * as they end, with `distinct=true` `DistinctRequests`. `since`: milliseconds of Unix time.
 */
export type RequestsAnswer = readonly RequestRow[];

/** `GET /v1/unrecorded`: of workloads whose proxies record a share of what goes well, about how many more requests there were. */
export type UnrecordedAnswer = readonly { readonly workload: string; readonly namespace: string; readonly count: number }[];

/** `GET /v1/happened?id=`: a request or connection that has ended, by its id or the beginning of it. */
export interface HappenedAnswer {
  /** The first one first; more than one where applications, or a gateway, handed the id on. */
  readonly hops: readonly HappenedHop[];
}

export interface HappenedHop {
  readonly row: RequestRow;
  readonly steps: readonly { readonly text: string; readonly origins: readonly HappenedOrigin[] }[];
  /** Absent where it went well. */
  readonly cause?: Omit<Cause, 'origins'> & { readonly origins: readonly HappenedOrigin[] };
}

export interface HappenedOrigin extends OriginName {
  /** `bookinfo.yaml:12`, where that is known. */
  readonly place?: string;
}

/** `GET /v1/scope?workload=&namespace=`: what a workload has called. */
export interface ScopeAnswer extends Called {
  readonly workload: string;
  readonly namespace: string;
  /** How many proxies have told of it. */
  readonly proxies: number;
  /** When the first of them started, RFC 3339. */
  readonly since: string;
  /** Labels that select the workload's pods; empty where they have none. */
  readonly selector: Readonly<Record<string, string>>;
  /** `NAMESPACE/NAME` of Sidecars that are for it; the first is in effect. */
  readonly sidecars: readonly string[];
}

/** `POST /v1/exec`: what to run to be inside the pod; the CLI runs it with the caller's terminal. */
export interface ExecRequest {
  readonly workload: string;
  readonly namespace?: string;
  readonly container?: string;
  readonly command: readonly string[];
}

export interface ExecAnswer {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** `GET /v1/words?of=&kind=&namespace=&prefix=`: what a shell may complete. */
export interface WordsQuery {
  readonly of: 'workloads' | 'namespaces' | 'objects' | 'hosts' | 'addresses' | 'urls';
  /** Of `objects`: as for `/v1/objects`. */
  readonly kind?: string | undefined;
  /** Where the one who types is at home; without it in `default`, and names elsewhere count too. */
  readonly namespace?: string | undefined;
  readonly prefix?: string | undefined;
}

export type WordsAnswer = readonly string[];

/** `GET /v1/start`: how far the start of `lateen up` has come. */
export type StartAnswer = StartReport;

/** `GET /v1/version` */
export interface VersionAnswer {
  readonly version: string;
  readonly pid: number;
}

/** Any refusal: HTTP status 400, 404, 409, 413, 500 or 501. */
export interface Refusal {
  /** Of what has one in the list of codes. */
  readonly code?: string;
  readonly message: string;
  readonly help: string;
}
