// What a connection manager makes of the answers that the proxy gives itself: another status, another body, headers (local_reply_config).

import type { JsonValue } from '@bufbuild/protobuf';
import type { DataSource } from '../../../gen/envoy/config/core/v3/base_pb.js';
import type { SubstitutionFormatString } from '../../../gen/envoy/config/core/v3/substitution_format_string_pb.js';
import type { LocalReplyConfig } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Answered } from '../explanation.ts';
import { formatted } from '../format.ts';
import { applyOption } from '../header-changes.ts';
import type { Headers } from '../headers.ts';
import { note, type Passage } from '../passage.ts';
import { filterHolds, type Replying } from './access-filter.ts';

/** The answer as it leaves; `flags` are those of the request by then. */
export function mappedReply(
  config: LocalReplyConfig | undefined,
  answered: Answered,
  headers: Headers,
  passage: Passage,
): Answered {
  if (config === undefined) return answered;
  const mapper = mapperFor(config, { status: answered.status, flags: answered.flags, headers, passage });
  const status = mapper?.statusCode ?? answered.status;
  const plain = mapper?.body === undefined ? answered.body : sourceText(mapper.body);
  if (plain === undefined) passage.missing.add('The body of an answer is read from a file, which is not at hand.');
  const format = mapper?.bodyFormatOverride ?? config.bodyFormat;
  const known = { ...answered, status, body: plain ?? '' };
  const body = format === undefined ? known.body : formattedBody(format, known, headers, passage);
  const given: Headers = new Map(answered.headers.map(([name, value]) => [name, [value]]));
  for (const option of mapper?.headersToAdd ?? []) applyOption(given, option, passage, headers);
  const added = [...given].flatMap(([name, values]) => values.map((value) => [name, value] as const));
  const mapped = { ...known, body, headers: added };
  const words = changes(answered, mapped);
  if (words.length > 0)
    note(passage, {
      kind: 'response',
      name: 'local reply',
      text: `the proxy’s own answer is rewritten: ${words.join(', ')}`,
      origins: [],
    });
  return mapped;
}

function mapperFor({ mappers }: LocalReplyConfig, replying: Replying) {
  for (const mapper of mappers) {
    const holds = mapper.filter === undefined ? false : filterHolds(mapper.filter, replying);
    if (holds === true) return mapper;
    if (typeof holds === 'string') replying.passage.missing.add(`Whether an answer is rewritten is not known: ${holds}.`);
  }
  return undefined;
}

function changes(before: Answered, after: Answered): string[] {
  const added = after.headers.length - before.headers.length;
  return [
    ...(before.status === after.status ? [] : [`${before.status} becomes ${after.status}`]),
    ...(before.body === after.body
      ? []
      : [after.body === '' ? 'without a body' : `the body becomes ${JSON.stringify(after.body)}`]),
    ...(added > 0 ? [`with ${added} more header${added === 1 ? '' : 's'}`] : []),
  ];
}

/** Undefined: it is elsewhere. */
function sourceText({ specifier }: DataSource): string | undefined {
  if (specifier.case === 'inlineString') return specifier.value;
  return specifier.case === 'inlineBytes' ? new TextDecoder().decode(specifier.value) : undefined;
}

function formattedBody({ format }: SubstitutionFormatString, answered: Answered, headers: Headers, passage: Passage): string {
  const fill = (text: string): string =>
    formatted(
      text.replaceAll(
        /%(LOCAL_REPLY_BODY|RESPONSE_CODE|RESPONSE_FLAGS|RESPONSE_CODE_DETAILS|RESP\(:status\))%/g,
        (_, operator: string) =>
          // What the answer has may hold percent signs itself.
          own(operator, answered).replaceAll('%', '%%'),
      ),
      passage,
      headers,
    );
  switch (format.case) {
    case 'textFormat':
      return fill(format.value);
    case 'textFormatSource':
      return fill(sourceText(format.value) ?? '');
    case 'jsonFormat':
      return `${JSON.stringify(filled(format.value, fill))}\n`;
    case undefined:
      return answered.body;
  }
}

function own(operator: string, { body, status, flags, because }: Answered): string {
  if (operator === 'LOCAL_REPLY_BODY') return body;
  if (operator === 'RESPONSE_FLAGS') return flags === '' ? '-' : flags;
  return operator === 'RESPONSE_CODE_DETAILS' ? because : String(status);
}

/** Names in order; what is nothing but a number's operator is a number. */
function filled(value: JsonValue, fill: (text: string) => string): JsonValue {
  if (typeof value === 'string') return value === '%RESPONSE_CODE%' ? Number(fill(value)) : fill(value);
  if (Array.isArray(value)) return value.map((each) => filled(each, fill));
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, filled(value[name] ?? null, fill)]));
}
