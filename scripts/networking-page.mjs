// The page docs/reference/networking.md: every field of the networking API, whether it is in effect, and golden cases that set it.
// Read from schemas, the tables of fields that say nothing, and the cases themselves; docs.mjs writes it.

/** @typedef {{ type?: string, properties?: Record<string, Schema>, patternProperties?: Record<string, Schema>, items?: Schema, anyOf?: Schema[], enum?: unknown[] }} Schema */
/** @typedef {{ path: string, note: string }} Field */

/** Cases named for a field; more would say no more. */
const mostCases = 3;

/**
 * Fields that are never in effect, with the code that says so: Istio has them and ignores or refuses them too.
 *
 * @type {Record<string, Record<string, string>>}
 */
export const neverInEffect = {
  VirtualService: {
    'spec.http[].fault.delay.exponentialDelay': 'no effect, as in Istio: `LAT1114`',
    'spec.http[].fault.abort.http2Error': 'refused: `LAT1113`',
    'spec.tcp[].match[].sourceSubnet': 'no effect, as in Istio: `LAT1122`',
  },
  DestinationRule: { 'spec.trafficPolicy.outlierDetection.consecutiveErrors': 'no effect, as in Istio: `LAT1206`' },
  Sidecar: { 'spec.ingress[].tls.httpsRedirect': 'refused: `LAT1506`' },
  EnvoyFilter: {
    'spec.targetRefs[].namespace': 'refused: `LAT1028`',
    'spec.configPatches[].match.listener.portName': 'no effect, as in Istio: `LAT1613`',
  },
  MeshConfig: { 'defaultTrafficPolicy.outlierDetection.consecutiveErrors': 'no effect, as in Istio: `LAT1206`' },
};

/**
 * The fields of one schema, and where a document's values stand among them. A message that is used in several places is listed
 * where it comes first; what is set at the others counts there.
 */
export function schemaFields(/** @type {Schema} */ schema) {
  /** @type {Map<Schema, string>} */
  const firstPlaces = new Map();
  /** @type {Field[]} */
  const fields = [];

  const list = (/** @type {Schema} */ at, /** @type {string} */ path) => {
    const { properties, items } = at;
    const value = mapValue(at);
    if (items !== undefined) return list(items, `${path}[]`);
    if (value?.properties !== undefined) return list(value, `${path}.*`);
    if (properties === undefined) return void fields.push({ path, note: kindOfValue(at) });
    const first = firstPlaces.get(at);
    if (first !== undefined) return void fields.push({ path, note: `as \`${first}\`` });
    firstPlaces.set(at, path);
    if (Object.keys(properties).length === 0) fields.push({ path, note: 'empty message' });
    for (const [name, property] of Object.entries(properties)) list(property, join(path, name));
  };
  list(schema, '');

  /** Calls `found` with the path of every field that a document sets. */
  const walk = (
    /** @type {Schema} */ at,
    /** @type {unknown} */ value,
    /** @type {string} */ path,
    /** @type {(path: string) => void} */ found,
  ) => {
    const place = firstPlaces.get(at) ?? path;
    if (at.items !== undefined && Array.isArray(value)) {
      for (const item of value) walk(at.items, item, `${path}[]`, found);
      return;
    }
    if (path !== '') found(path);
    if (place !== path) found(place);
    if (!isRecord(value)) return;
    const ofMap = mapValue(at);
    if (ofMap?.properties !== undefined) for (const item of Object.values(value)) walk(ofMap, item, `${path}.*`, found);
    if (at.properties === undefined) return;
    for (const [name, item] of Object.entries(value)) {
      const property = at.properties[name];
      if (property !== undefined) walk(property, item, join(place, name), found);
    }
  };
  return {
    fields,
    walk: (/** @type {unknown} */ document, /** @type {(path: string) => void} */ found) => walk(schema, document, '', found),
  };
}

const join = (/** @type {string} */ path, /** @type {string} */ name) => (path === '' ? name : `${path}.${name}`);
const mapValue = (/** @type {Schema} */ { patternProperties = {} }) => Object.values(patternProperties)[0];
const isRecord = (/** @type {unknown} */ value) => value !== null && typeof value === 'object' && !Array.isArray(value);

function kindOfValue(/** @type {Schema} */ { type, enum: names, anyOf, patternProperties }) {
  if (names !== undefined) return names.length > 12 ? 'one of many names' : names.map((name) => `\`${String(name)}\``).join(', ');
  if (patternProperties !== undefined) return 'map';
  if (anyOf !== undefined) return [...new Set(anyOf.map((each) => each.type ?? 'value'))].join(' or ');
  return type ?? 'any value';
}

/** Whether a path is one that a table of fields means. */
const isMeant = (
  /** @type {string} */ path,
  /** @type {readonly { under: readonly string[], fields: readonly string[] }[]} */ entries,
) => entries.some(({ under, fields }) => under.some((parent) => fields.some((field) => covers(join(parent, field), path))));

function covers(/** @type {string} */ pattern, /** @type {string} */ path) {
  const steps = path.split('.');
  return pattern
    .split('.')
    .every((step, index) => (step === '*' ? steps[index] !== undefined : step === steps[index] || `${step}[]` === steps[index]));
}

/** Fields of Envoy's process and of the laptop's pods: no resource shows them, but a test on a running mesh does. */
const shownByTests = {
  'test/netns/proxy-settings.test.ts': [
    'ProxyConfig spec.selector.matchLabels',
    'ProxyConfig spec.concurrency',
    'MeshConfig defaultConfig.concurrency',
    'MeshConfig defaultConfig.drainDuration',
    'MeshConfig defaultConfig.proxyStatsMatcher.inclusionPrefixes[]',
    'MeshConfig defaultConfig.proxyStatsMatcher.inclusionSuffixes[]',
    'MeshConfig defaultConfig.proxyStatsMatcher.inclusionRegexps[]',
    'MeshConfig defaultConfig.proxyMetadata',
    'MeshConfig defaultConfig.runtimeValues',
    'MeshConfig defaultConfig.meshId',
    'MeshConfig defaultConfig.interceptionMode',
    'MeshConfig defaultConfig.fileFlushInterval',
    'MeshConfig defaultConfig.fileFlushMinSizeKb',
    'MeshConfig defaultConfig.connectionSettings.globalDownstreamConnectionLimit',
    'ProxyConfig spec.environmentVariables',
  ],
  'test/envoy/bootstrap.test.ts': ['MeshConfig defaultConfig.terminationDrainDuration'],
};

const testsOf = (/** @type {string} */ field) =>
  Object.entries(shownByTests).flatMap(([file, fields]) => (fields.includes(field) ? [file] : []));
const caseFile = (/** @type {string} */ name) => `test/golden/cases/${name}.yaml`;

/** @typedef {{ kinds: readonly { id: string, kind: string, schema: Schema, inEffect: boolean, documents: readonly { name: string, body: unknown }[] }[], unread: readonly any[], idle: readonly any[] }} Api */

/** The fields of each kind, with their states and the cases that set them. */
export function fieldStates(/** @type {Api} */ { kinds, unread, idle }) {
  return kinds.map(({ id, kind, schema, inEffect, documents }) => {
    const { fields, walk } = schemaFields(schema);
    /** @type {Map<string, Set<string>>} */
    const cases = new Map();
    for (const { name, body } of documents) walk(body, (path) => void cases.set(path, (cases.get(path) ?? new Set()).add(name)));
    const of = (/** @type {readonly any[]} */ entries) => entries.filter((entry) => entry.kind === id);
    const stateOf = (/** @type {string} */ path) => {
      const never = (neverInEffect[kind] ?? {})[path];
      if (never !== undefined) return never;
      if (isMeant(path, of(idle))) return 'no effect: `LAT0002`';
      return inEffect && !isMeant(path, of(unread)) ? 'yes' : 'not yet';
    };
    return {
      kind,
      fields: fields
        .filter(({ path }) => !path.startsWith('status'))
        .map(({ path, note }) => ({
          path,
          note,
          state: stateOf(path),
          cases: [...[...(cases.get(path) ?? [])].toSorted().map(caseFile), ...testsOf(`${kind} ${path}`)],
        })),
    };
  });
}

/** The page's text. */
export function networkingPage(
  /** @type {Api & { generated: string, table: (head: string[], rows: string[][]) => string }} */ { generated, table, ...api },
) {
  const sections = fieldStates(api).map(({ kind, fields }) => {
    const rows = fields.map(({ path, note, state, cases }) => {
      const shown = cases
        .slice(0, mostCases)
        .map((file) => `[${file.replace(/^test\/(golden\/cases\/)?|\.(yaml|test\.ts)$/g, '')}](../../${file})`);
      const others = cases.length > mostCases ? `, ${cases.length - mostCases} more` : '';
      return [`\`${path}\``, note.replaceAll('|', '\\|'), state, shown.join(', ') + others];
    });
    return `## ${kind}\n\n${table(['field', 'value', 'in effect', 'cases'], rows)}`;
  });
  return `${generated}

# The networking API, field by field

Every field that \`networking.istio.io\` and MeshConfig have, to the leaf. "Not yet" is read and checked, and says \`LAT0001\`; what Istio
ignores or refuses too, or has no meaning here, has the code that says so. The cases are those under \`test/golden/cases\` whose input sets
the field: each has the configuration that comes of it; what Envoy's process takes is shown by a test. A message that stands in several places is listed where it comes first.

${sections.join('\n\n')}
`;
}
