// How plain YAML scalars are read and written: as kubectl does, so that one manifest means the same here and in a cluster.

import type { DocumentOptions, ParseOptions, SchemaOptions, ScalarTag, Tags } from 'yaml';

/**
 * Kubernetes' YAML library is YAML 1.1 where that matters to manifests: `yes`, `on` and their like are booleans, `0644` is octal
 * and `<<` merges. Timestamps stay strings, which is why the 1.1 schema of the `yaml` package will not do.
 */
const trueScalar: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  identify: (value) => value === true,
  test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/,
  resolve: () => true,
  stringify: () => 'true',
};

const falseScalar: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  identify: (value) => value === false,
  test: /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/,
  resolve: () => false,
  stringify: () => 'false',
};

const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT',
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => parseInt(text, 8),
};

const kubernetesTags = (core: Tags): Tags => [
  trueScalar,
  falseScalar,
  octal,
  ...core.filter((tag) => typeof tag !== 'object' || tag.tag !== 'tag:yaml.org,2002:bool'),
];

/** Options for reading. Errors come without excerpts: positions are told by the origin. */
export const readOptions: ParseOptions & DocumentOptions & SchemaOptions = {
  schema: 'core',
  customTags: kubernetesTags,
  merge: true,
  prettyErrors: false,
  logLevel: 'silent',
};

/** Options for writing what `readOptions` reads back unchanged: a string `yes` or `0644` is quoted. */
export const writeOptions = {
  schema: 'core',
  customTags: kubernetesTags,
  aliasDuplicateObjects: false,
  indentSeq: false,
  lineWidth: 0,
} as const;
