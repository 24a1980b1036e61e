// The bootstrap of an ingress gateway that is no pod: an Envoy on this machine with everything from one plaintext ADS port.

const ads = { ads: {}, resource_api_version: 'V3' };

export const gatewayBootstrap = (port: number, admin: string): object => ({
  node: {
    id: 'router~127.0.0.1~edge.istio-system~istio-system.svc.cluster.local',
    cluster: 'edge',
    metadata: { NAMESPACE: 'istio-system', LABELS: { istio: 'ingressgateway' } },
  },
  admin: { address: { pipe: { path: admin } } },
  dynamic_resources: {
    ads_config: {
      api_type: 'DELTA_GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'control' } }],
    },
    cds_config: ads,
    lds_config: ads,
  },
  static_resources: {
    clusters: [
      {
        name: 'control',
        type: 'STATIC',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'control',
          endpoints: [
            { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] },
          ],
        },
      },
    ],
  },
});
