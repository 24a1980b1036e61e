// What a caller on demand hears where the mesh refuses hosts that nobody has registered: a cluster stands under each such name, and
// what Envoy says of it becomes the answer that the eager form's table gives.

import type { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ExpressionFilterSchema } from '../../../gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import type { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { any, type Init } from '../../filters/any.ts';
import { originKey } from '../origin.ts';

const refusedKey = 'refused';

/** Of a cluster that stands for a host nobody has registered. */
export const refusedMark: Init<typeof ClusterSchema>['metadata'] = { filterMetadata: { [originKey]: { [refusedKey]: true } } };

/** Only Envoy's own answers are looked at, and of these only the ones about such a cluster are another. */
export const refusedReply: Init<typeof HttpConnectionManagerSchema>['localReplyConfig'] = {
  mappers: [
    {
      filter: {
        filterSpecifier: {
          case: 'extensionFilter',
          value: {
            name: 'envoy.access_loggers.extension_filters.cel',
            configType: {
              case: 'typedConfig',
              value: any(ExpressionFilterSchema, {
                expression: `xds.cluster_metadata.filter_metadata['${originKey}']['${refusedKey}']`,
              }),
            },
          },
        },
      },
      statusCode: 502,
      body: { specifier: { case: 'inlineString', value: '' } },
    },
  ],
};
