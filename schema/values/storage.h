/*
 * What the volumes of a Pod, PersistentVolumes, claims and storage classes
 * have in common.
 */
#ifndef SCHEMA_VALUES_STORAGE_H
#define SCHEMA_VALUES_STORAGE_H

#include "schema/values/at.h"

/* ---- source.c: where the bytes of a volume are ---- */

judge_fn judge_host_path;		/* hostPath */
judge_fn judge_nfs;
judge_fn judge_iscsi;			/* portal, names, login */
judge_fn judge_fibre_channel;		/* fc */
judge_fn judge_gce_disk;
judge_fn judge_aws_disk;
judge_fn judge_azure_disk;
judge_fn judge_flocker;
judge_fn judge_quobyte;
judge_fn judge_vsphere;
judge_fn judge_photon;
judge_fn judge_portworx;
judge_fn judge_rbd;
judge_fn judge_cephfs;
judge_fn judge_flex;
judge_fn judge_scale_io;
/* The name of a CSI driver: 63 bytes, in any case. */
judge_fn judge_csi_driver_name;

/* ---- claim.c ---- */

/* The spec of a PersistentVolumeClaim, or of a template of one. */
judge_fn judge_claim_spec;
/* accessModes: value-enum, value-conflict. */
judge_fn judge_access_modes;
/* A StorageClass and the like by name. */
judge_fn judge_class_name;

/* ---- node.c: which nodes ---- */

/* v1.NodeSelector: terms, of which one must match. */
judge_fn judge_node_selector;
/* v1.NodeSelectorTerm of a preference */
judge_fn judge_preferred_node_term;

#endif
