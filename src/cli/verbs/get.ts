// lateen get: shows objects of the running mesh, once or as they change.

import type { DiagnosticJson, KindTable, ObjectEvent, ObjectsAnswer } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import { objectFormats, objectsText, type ObjectFormat } from '../object-output.ts';
import { isStructured, printStructured } from '../structured.ts';
import { splitNames } from '../object-names.ts';
import { defineVerb, namespaced, online, output, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly output: ObjectFormat;
  readonly watch?: boolean;
  readonly headers: boolean;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(
      namespaced(command.argument('<kinds>', 'kinds, as kubectl names them: vs,dr or KIND/NAME').argument('[name...]', 'names')),
    )
      .option('-A, --all-namespaces', 'in every namespace')
      .option('-l, --selector <selector>', 'only objects with these labels: app=reviews,version!=v1')
      .option(...output(...objectFormats))
      .option('-w, --watch', 'go on with every change')
      .option('--no-headers', 'leave out the head of a table'),
  examples: [
    ['lateen get vs,dr -A', 'virtual services and destination rules everywhere'],
    ['lateen get vs reviews -o yaml', 'one object as YAML'],
    ['lateen get vs,dr -o wide', 'also how many of the proxies that need each have it'],
    ['lateen get pods -l app=reviews -w', 'follow pods with a label'],
    ['lateen get diagnostics', 'what is wrong with the configuration now'],
  ],
  completes: ['kinds', 'objects'],
  async run({ args, options, terminal }) {
    const format = {
      output: options.output,
      headers: options.headers,
      allNamespaces: options.allNamespaces ?? false,
      now: new Date(),
    };
    const client = connect(options);
    if (args[0] === 'diagnostics') {
      const diagnostics = await client.get<readonly DiagnosticJson[]>('/v1/diagnostics');
      if (isStructured(options.output)) await printStructured(diagnostics, options.output, terminal);
      else if (options.output === 'name') throw usageFailure('diagnostics have no names', 'use table, json or yaml');
      else for (const { text } of diagnostics) terminal.line(text);
      if (diagnostics.length === 0) terminal.note('nothing is wrong');
      return exitCode.ok;
    }
    const asked = splitNames(args);
    const queries = asked.map(({ kind, names }) => ({
      kinds: kind,
      name: names.length === 0 ? undefined : names.join(','),
      namespace: options.allNamespaces === true ? undefined : (options.namespace ?? 'default'),
      selector: options.selector,
      distribution: ['wide', 'json', 'yaml'].includes(options.output),
    }));
    if (options.watch === true) {
      const [query] = queries;
      if (query === undefined || queries.length > 1) throw usageFailure('a watch follows one kind or one list of kinds');
      let headers = options.headers;
      for await (const { table } of client.lines<ObjectEvent>('/v1/objects', { ...query, watch: true }, terminal.signal)) {
        terminal.line(objectsText([table], { ...format, headers }));
        headers = false;
      }
      return exitCode.ok;
    }
    const tables: KindTable[] = [];
    const missing: string[] = [];
    for (const query of queries) {
      const answer = await client.get<ObjectsAnswer>('/v1/objects', query);
      tables.push(...answer.kinds);
      missing.push(...answer.missing);
    }
    const single = asked.length === 1 && asked[0]?.names.length === 1;
    const count = tables.reduce((sum, { items }) => sum + items.length, 0);
    if (count > 0 || format.output === 'json' || format.output === 'yaml') {
      if (!(single && count === 0)) terminal.line(objectsText(tables, { ...format, single }));
    } else if (missing.length === 0) {
      const everywhere = options.allNamespaces === true || tables.every(({ namespaced }) => !namespaced);
      terminal.note(everywhere ? 'no objects found' : `no objects found in namespace ${options.namespace ?? 'default'}`);
    }
    if (missing.length > 0) throw new Failure(missing.join('\n'));
    return exitCode.ok;
  },
});
