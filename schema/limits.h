/*
 * Every limit of windlass, each with its reason. A value beyond its limit is
 * refused with a message that names the limit; t/ tests each at the limit
 * and one beyond.
 */
#ifndef SCHEMA_LIMITS_H
#define SCHEMA_LIMITS_H

/* ---- manifests and objects ---- */

/* one manifest file: prometheus-operator's CRD bundle is 4 MB */
#define LIMIT_FILE_BYTES (16u * 1024 * 1024)
/* documents of one file, list items counted */
#define LIMIT_FILE_DOCUMENTS 20000
/* nesting of maps and lists: the deepest real CRD schema has 41 levels */
#define LIMIT_DEPTH 256
/* nodes of one document, those made by aliases counted */
#define LIMIT_DOCUMENT_NODES 1000000
/* memory that the copies of one file's aliases take: a text of a megabyte
 * and a million aliases of four bytes would be a terabyte */
#define LIMIT_ALIAS_BYTES (128u * 1024 * 1024)
/* a key as JSON, its quotes and escapes counted: the API server's YAML
 * reader looks no further for the colon */
#define LIMIT_KEY_CHARACTERS 1024
/* one object as JSON: the API server's own request limit */
#define LIMIT_OBJECT_BYTES (3u * 1024 * 1024)

/* names of a kind's served versions: 100 of the longest, CRDs have a few */
#define LIMIT_VERSIONS_BYTES 6400
/* entries of a channel's source that are looked at: a few small trees that
 * name each other can stand for billions of paths */
#define LIMIT_SOURCE_ENTRIES 1000000
/* bytes of all manifests that are read for one push, with what their aliases
 * stand for: a million objects of 1 KB; one blob can have a million names */
#define LIMIT_SOURCE_BYTES (1024ull * 1024 * 1024)
/* directories below each other in a source; people stop at ten */
#define LIMIT_SOURCE_DEPTH 100
/* one .windlassignore: a thousand long patterns */
#define LIMIT_IGNORE_BYTES (64u * 1024)
/* all of a source's: each directory may have one */
#define LIMIT_IGNORE_ALL_BYTES (16u * 1024 * 1024)
/* comparing their patterns with paths, seconds: a hundred thousand files, five
 * directories deep, with a thousand short patterns */
#define LIMIT_IGNORE_STEPS 500000000

/* keys and values of one object's annotations, as the API server has it */
#define LIMIT_ANNOTATIONS_BYTES (256u * 1024)

/* values of one Secret or ConfigMap, base64 undone, as the API server has it */
#define LIMIT_DATA_BYTES (1024u * 1024)

/* a schema table: all built-in kinds of a minor are 0.3 MB, the largest CRD
 * would be as much */
#define LIMIT_OPENAPI_BYTES (16u * 1024 * 1024)
/* OpenAPI documents that one is made from: api/v1 has 1.6 MB */
#define LIMIT_OPENAPI_DOCUMENT (32u * 1024 * 1024)

/* schemas of one CustomResourceDefinition, those in others and of all its
 * versions counted: Prometheus has 12,000 */
#define LIMIT_CRD_SCHEMAS 100000
/* values that are looked at in one custom resource, once for each schema
 * that says something of them, with the words and names that each is compared
 * with: 100 times what a large one has */
#define LIMIT_CRD_STEPS 10000000

/* ---- references ----
 * beyond these nothing is said of what an object refers to */

/* memory for what the objects of a push say of each other: 1 KB for each of
 * a million */
#define LIMIT_REFERENCES_MEMORY (1024u * 1024 * 1024)
/* objects of the current bundle that are read for one push, each once */
#define LIMIT_REFERENCES_READ 2000
/* and bytes of them: a second */
#define LIMIT_REFERENCES_BYTES (64u * 1024 * 1024)

/* ---- regular expressions ----
 * beyond these nothing is said of what one matches; none is an error */

/* the expression itself: real ones have hundreds of bytes */
#define LIMIT_PATTERN_BYTES (16u * 1024)
/* groups in groups; PCRE2's own limit is 250 */
#define LIMIT_PATTERN_DEPTH 200
/* what it matches, repetitions written out: a name of 253 characters by
 * labels of 63 is 4,000; PCRE2 takes 64 KiB of its own code */
#define LIMIT_PATTERN_SIZE 20000
/* steps of one match: a millisecond or two */
#define LIMIT_PATTERN_STEPS 100000
/* bytes that it may take for that */
#define LIMIT_PATTERN_HEAP (8u * 1024 * 1024)

/* findings that are kept and printed; beyond that they are only counted */
#define LIMIT_PROBLEMS 1000

/* steps of all rules of definitions and of all references that one push has
 * judged, half a minute: a hundred thousand objects of 5,000 steps.
 * Beyond it they are not judged, which is said. */
#define LIMIT_RULE_STEPS 500000000
/* names that are compared to say which may have been meant, a microsecond
 * each: a thousand findings in a definition of a thousand fields */
#define LIMIT_NEAR 1000000

/* ---- rules of custom resources ---- */

/* rules that are not evaluated here and are named: a line or three of them */
#define LIMIT_UNJUDGED 10

/* bytes of one expression: the API server takes 100,000 characters, real
 * rules have up to a thousand. Beyond this and what follows a rule is not
 * evaluated, and counted as such. */
#define LIMIT_CEL_TEXT 100000
/* parentheses, lists and calls inside of each other, and links of a chain of
 * fields or operators: the API server's parser stops at 250 */
#define LIMIT_CEL_DEPTH 100
/* steps of one evaluation, about a millisecond for 20,000: an API server
 * stops at a million units of cost, which are of the same size */
#define LIMIT_CEL_STEPS 1000000
/* and of all evaluations for one object: half a second, ten times the other,
 * as the budgets of an API server for a call and for an object are */
#define LIMIT_CEL_OBJECT_STEPS 10000000
/* memory that one evaluation may make use of */
#define LIMIT_CEL_BYTES (64u * 1024 * 1024)
/* what a message expression may say, as the API server has it */
#define LIMIT_CEL_MESSAGE 5120

/* ---- names (DESIGN.md 2.3) ---- */

/* a path component in a bundle */
#define LIMIT_NAME_BYTES 250
/* a path in a source tree, for messages and origins */
#define LIMIT_PATH_BYTES 4096
/* a channel: a DNS label */
#define LIMIT_CHANNEL_BYTES 63
/* a principal of a trust file */
#define LIMIT_PRINCIPAL_BYTES 64

/* ---- bundles ---- */

/* bundles of one epoch; doctor warns at 80,000 */
#define LIMIT_EPOCH_BUNDLES 100000
#define WARN_EPOCH_BUNDLES 80000
/* highest sequence and epoch: 2^63 - 1 */
#define LIMIT_SEQUENCE INT64_MAX
/* a raw bundle commit */
#define LIMIT_COMMIT_BYTES 8192
/* who pushed what is new in one bundle: it is rarely more than one */
#define LIMIT_PUSHERS 16
/* objects in one bundle */
#define LIMIT_BUNDLE_OBJECTS 1000000
/* one SHA256SUMS or origins file: 100,000 names of 250 bytes and digests */
#define LIMIT_SUMS_BYTES (64u * 1024 * 1024)

/* ---- what is published (DESIGN.md 2.5) ---- */

#define LIMIT_HEAD_BYTES 4096
/* channels of one question for many heads, and the bytes of it: as many as
 * one engine has, each with a name of 63 bytes and a digest */
#define LIMIT_HEADS_ASKED 1024
#define LIMIT_HEADS_ASK_BYTES (64u + LIMIT_HEADS_ASKED * 129u)
/* the answer: what does not fit comes with the next one */
#define LIMIT_HEADS_ANSWER_BYTES (1024u * 1024)
#define LIMIT_INDEX_BYTES (1024u * 1024)
/* lines of it: 64 deltas, their bases, and a base for each power of two */
#define LIMIT_INDEX_ENTRIES 1024
/* one pack */
#define LIMIT_PACK_BYTES (2048ull * 1024 * 1024)
/* tags in an approvals text, and the bytes of one */
#define LIMIT_APPROVALS 64
#define LIMIT_APPROVAL_BYTES 4096
/* all of them, each with its "tag <bytes>" line */
#define LIMIT_APPROVALS_BYTES (LIMIT_APPROVALS * (LIMIT_APPROVAL_BYTES + 9u))
/* tags on one bundle in a repository that are judged; a Git host lets a person
 * push 16 of them */
#define LIMIT_APPROVALS_JUDGED 4096
/* life of a head, seconds; issued this far ahead of the clock is refused */
#define LIMIT_HEAD_LIFE (7 * 24 * 3600)
#define LIMIT_HEAD_AHEAD (5 * 60)
/* 2026-01-01: a clock before this was lost, not set; nothing is signed by it */
#define LIMIT_CLOCK_FLOOR 1767225600
/* deltas that are kept: an engine this many bundles behind takes one */
#define KEEP_DELTAS 64

/* ---- reports (DESIGN.md section 5) ---- */

/* one report with its signature: 20 failures, each of its texts as long as
 * may be, and what stands before them */
#define LIMIT_REPORT_BYTES (64u * 1024)
/* failures that are told, as a Channel's status has them */
#define LIMIT_REPORT_FAILURES 20
/* "Kind.group namespace/name": four names of a bundle */
#define LIMIT_REPORT_OBJECT_BYTES (4u * LIMIT_NAME_BYTES + 3)
/* "path:line": paths of people have a hundred bytes, and 20 of LIMIT_PATH_BYTES
 * would not leave room for what is wrong */
#define LIMIT_REPORT_SOURCE_BYTES 700
/* a reason in CamelCase, as conditions have it here */
#define LIMIT_REPORT_REASON_BYTES 63
/* one message, as conditions have it here */
#define LIMIT_REPORT_MESSAGE_BYTES 1024
/* what JSON readers still count exactly: 2^53 - 1 */
#define LIMIT_REPORT_COUNTER 9007199254740991ull
/* objects of the new bundle, and of an old one that are not gone yet */
#define LIMIT_REPORT_OBJECTS (2u * LIMIT_BUNDLE_OBJECTS)

/* ---- packs, as an engine takes them ---- */

/* objects of one pack: a full bundle's blobs, its trees and SHA256SUMS, and
 * the commits of its epoch */
#define LIMIT_PACK_OBJECTS 3000000
/* what one pack inflates to, deltas applied: a million objects of 3 KB with
 * their sums and trees, twice over */
#define LIMIT_PACK_INFLATED (8ull * 1024 * 1024 * 1024)
/* the deltas between an object and its full base: git makes 50, and its old
 * `gc --aggressive` 250 */
#define LIMIT_PACK_DEPTH 250
/* all bytes that are made on the way to one object through its deltas: 64
 * versions of an 8 MB SHA256SUMS, twice over */
#define LIMIT_PACK_CHAIN_BYTES (1024ull * 1024 * 1024)

/* ---- engine and its fetching child ---- */

/* one message: the largest object and what names it */
#define LIMIT_IPC_FRAME (LIMIT_OBJECT_BYTES + 64u * 1024)
/* what waits to be sent to a peer that does not read: a few such messages */
#define LIMIT_IPC_QUEUE (4u * LIMIT_IPC_FRAME)
/* channels of one engine */
#define LIMIT_CHANNELS 1024
/* spec.url */
#define LIMIT_URL_BYTES 2048
/* headers that a Secret adds to each request, and the bytes of one */
#define LIMIT_HEADERS 32
#define LIMIT_HEADER_BYTES 8192
/* one PEM text of a Secret: a bundle of all public CAs is 250 KB */
#define LIMIT_PEM_BYTES (512u * 1024)
/* heads that are kept as evidence of a fork */
#define LIMIT_EVIDENCE 16
/* requests that the parent has under way on one channel */
#define LIMIT_REQUESTS 4096

/* ---- keys and signatures ---- */

/* an allowed_signers text */
#define LIMIT_TRUST_BYTES 65536
#define LIMIT_TRUST_KEYS 256
/* an armoured SSH signature: the largest Ed25519-SK one is under 600 */
#define LIMIT_ARMOUR_BYTES 2048
/* a private key file */
#define LIMIT_KEY_FILE_BYTES 16384
/* one message of ssh-agent, as OpenSSH's own agent caps it */
#define LIMIT_AGENT_MESSAGE (256u * 1024)
/* milliseconds until an ssh-agent must have answered */
#define LIMIT_AGENT_MS 5000

/* ---- pushes ---- */

/* refs of one push that pre-receive reads */
#define LIMIT_PUSH_REFS 10000
/* and their lines in all: names are a few hundred bytes at most */
#define LIMIT_PUSH_BYTES (8u * 1024 * 1024)
/* what the hooks print to one pusher: a pipe that nobody reads holds 64 KiB */
#define LIMIT_FEEDBACK_BYTES (60u * 1024)
/* push options that are read, and the bytes of one */
#define LIMIT_PUSH_OPTIONS 64
#define LIMIT_PUSH_OPTION_BYTES 1024

/* ---- the API server ---- */

/* a kubeconfig: hundreds of clusters with their certificates */
#define LIMIT_KUBECONFIG_BYTES (4u * 1024 * 1024)
/* a bearer token: the API server reads headers of up to 1 MiB in all */
#define LIMIT_TOKEN_BYTES (64u * 1024)
/* what an exec plugin prints: a token or a chain of certificates, as JSON */
#define LIMIT_EXEC_CREDENTIAL_BYTES (1024u * 1024)
/* an answer that is collected: an object of LIMIT_OBJECT_BYTES with its
 * managedFields, or discovery with thousands of CRDs */
#define LIMIT_KUBE_ANSWER_BYTES (32u * 1024 * 1024)
/* one object in a list or a watch: etcd holds 1.5 MiB, as protobuf; JSON
 * with its escapes can be six times that */
#define LIMIT_KUBE_OBJECT_BYTES (12u * 1024 * 1024)

#endif
