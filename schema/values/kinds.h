/*
 * The judges of whole objects, from where values.c finds them by kind. The
 * place is the object's root.
 */
#ifndef SCHEMA_VALUES_KINDS_H
#define SCHEMA_VALUES_KINDS_H

#include "schema/values/at.h"

judge_fn judge_api_service;		/* core.c */
judge_fn judge_attachment;		/* class.c */
judge_fn judge_attributes_class;	/* class.c */
judge_fn judge_autoscaler;		/* autoscaling.c */
judge_fn judge_cluster_role;		/* rbac.c */
judge_fn judge_cluster_role_binding;	/* rbac.c */
judge_fn judge_cron_job;		/* cron.c */
judge_fn judge_csi_driver;		/* class.c */
judge_fn judge_csi_node;		/* class.c */
judge_fn judge_daemon_set;		/* workload.c */
judge_fn judge_deployment;		/* workload.c */
judge_fn judge_disruption_budget;	/* disruption.c */
judge_fn judge_endpoint_slice;		/* endpoints.c */
judge_fn judge_endpoints;		/* endpoints.c */
judge_fn judge_flow_schema;		/* flowcontrol.c */
judge_fn judge_ingress;			/* ingress.c */
judge_fn judge_ingress_class;		/* ingress.c */
judge_fn judge_ip_address;		/* network.c */
judge_fn judge_job;			/* job.c */
judge_fn judge_lease;			/* core.c */
judge_fn judge_limit_range;		/* quota.c */
judge_fn judge_mutating_binding;	/* policy.c */
judge_fn judge_mutating_policy;		/* policy.c */
judge_fn judge_namespace;		/* core.c */
judge_fn judge_network_policy;		/* network.c */
judge_fn judge_persistent_volume;	/* volume.c */
judge_fn judge_persistent_volume_claim;	/* claim.c */
judge_fn judge_pod;			/* pod.c */
judge_fn judge_pod_template_object;	/* workload.c */
judge_fn judge_priority_class;		/* disruption.c */
judge_fn judge_priority_level;		/* flowcontrol.c */
judge_fn judge_replica_set;		/* workload.c */
judge_fn judge_replication_controller;	/* workload.c */
judge_fn judge_resource_quota;		/* quota.c */
judge_fn judge_role;			/* rbac.c */
judge_fn judge_role_binding;		/* rbac.c */
judge_fn judge_runtime_class;		/* disruption.c */
judge_fn judge_secret;			/* core.c */
judge_fn judge_service;			/* service.c */
judge_fn judge_service_cidr;		/* network.c */
judge_fn judge_stateful_set;		/* workload.c */
judge_fn judge_storage_capacity;	/* class.c */
judge_fn judge_storage_class;		/* class.c */
judge_fn judge_validating_binding;	/* policy.c */
judge_fn judge_validating_policy;	/* policy.c */
judge_fn judge_webhooks;		/* admission.c */

#endif
