/*
 * Health of custom resources, by the habits of their controllers: one small
 * status for each rule.
 */
#include "config.h"

#include "engine/health-judged.h"
#include "t/unit/tree.h"

static char reason[HEALTH_REASON_MAX];

static enum health judge_as(const char *group, const char *kind,
			    const char *json, bool declared)
{
	return health_judge(group, kind, tree(json), declared, reason);
}

static enum health judge(const char *json)
{
	return judge_as("example.org", "Thing", json, true);
}

#define CONDITION(type, status, why) \
	"{\"metadata\":{\"generation\":2},\"status\":{\"conditions\":[" \
	"{\"type\":\"" type "\",\"status\":\"" status "\",\"reason\":\"" why \
	"\"}]}}"
#define STATUS(field, word) "{\"status\":{\"" field "\":\"" word "\"}}"

static void test_words(void)
{
	static const struct {
		const char *word;
		enum health means;
	} words[] = {
		{ "Ready", HEALTH_HEALTHY }, { "running", HEALTH_HEALTHY },
		{ "UpdateFailed", HEALTH_FAILED }, { "ERROR", HEALTH_FAILED },
		{ "IN_PROGRESS", HEALTH_PROGRESSING },
		{ "not-ready", HEALTH_PROGRESSING },
		{ "Paused", HEALTH_SUSPENDED },
		{ "NoErrors", HEALTH_UNKNOWN },
		{ "Terrorist", HEALTH_UNKNOWN }, { "blue", HEALTH_UNKNOWN },
		{ "", HEALTH_UNKNOWN }, { "---", HEALTH_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		is_int(health_of_word(words[i].word), words[i].means,
		       words[i].word);
	is_int(judge(STATUS("phase", "ProvisioningFailed")), HEALTH_FAILED,
	       "a phase of failure");
	is_str(reason, "phase is ProvisioningFailed", "which it tells");
	is_int(judge(STATUS("state", "creating")), HEALTH_PROGRESSING,
	       "a state of progress");
	is_int(judge(STATUS("message", "failed")), HEALTH_PROGRESSING,
	       "a message is no state");
}

static void test_conditions(void)
{
	is_int(judge(CONDITION("Ready", "True", "Failed")), HEALTH_HEALTHY,
	       "what is ready is healthy");
	is_int(judge(CONDITION("Ready", "False", "Creating")),
	       HEALTH_PROGRESSING, "not yet ready");
	is_int(judge(CONDITION("Ready", "False", "ReconcileError")),
	       HEALTH_FAILED, "not ready, for an error");
	is_int(judge(CONDITION("Ready", "Unknown", "Error")),
	       HEALTH_PROGRESSING, "unknown is no failure");
	is_int(judge(CONDITION("Stalled", "True", "x")), HEALTH_FAILED,
	       "stalled");
	is_int(judge(CONDITION("FetchFailed", "False", "x")), HEALTH_HEALTHY,
	       "a failure that is not");
	is_int(judge(CONDITION("NoErrors", "True", "x")), HEALTH_HEALTHY,
	       "no errors");
	is_int(judge(CONDITION("Progressing", "False",
			       "ProgressDeadlineExceeded")),
	       HEALTH_FAILED, "no progress in time");
	is_int(judge(CONDITION("ControlPlaneUpdating", "True", "x")),
	       HEALTH_PROGRESSING, "what goes on");
	is_int(judge(CONDITION("ControlPlaneUpdating", "False", "x")),
	       HEALTH_HEALTHY, "what went on");
	is_int(judge(CONDITION("Active", "False", "ScalerNotActive")),
	       HEALTH_HEALTHY, "idle is healthy");
	is_int(judge(CONDITION("ResolvedRefs", "False", "BackendNotFound")),
	       HEALTH_FAILED, "a reference to nothing");
	is_int(judge("{\"status\":{\"parents\":[{\"conditions\":[{\"type\":"
		     "\"Accepted\",\"status\":\"False\",\"reason\":"
		     "\"Pending\"}]}]}}"),
	       HEALTH_PROGRESSING, "conditions per parent");
	is_int(judge("{\"metadata\":{\"generation\":2},\"status\":"
		     "{\"conditions\":[{\"type\":\"Ready\",\"status\":"
		     "\"True\",\"observedGeneration\":1}]}}"),
	       HEALTH_PROGRESSING, "a condition from before the change");
	is_int(judge("{\"status\":{\"ancestors\":[{\"conditions\":[]}]}}"),
	       HEALTH_PROGRESSING, "an ancestor without conditions");
	is_int(judge(CONDITION("PodsReady", "Unknown", "x")),
	       HEALTH_PROGRESSING, "nobody knows of a part");
	is_int(judge(CONDITION("PodsReady", "False", "x")),
	       HEALTH_HEALTHY, "a part may be off");
	is_int(judge(CONDITION("PodsHealthy", "False", "NoPodsFound")),
	       HEALTH_PROGRESSING, "a part that is missing");
	is_int(judge_as("gateway.networking.k8s.io", "HTTPRoute",
			CONDITION("Accepted", "False", "Odd"), true),
	       HEALTH_FAILED, "a route that is not accepted");
	is_int(judge_as("gateway.networking.k8s.io", "HTTPRoute",
			CONDITION("Accepted", "False", "Pending"), true),
	       HEALTH_PROGRESSING, "or not yet");
	is_int(judge("{\"status\":{\"conditions\":{\"Ready\":1}}}"),
	       HEALTH_PROGRESSING, "conditions that are no list");
	is_int(judge("{\"status\":{\"conditions\":[7,null,{\"type\":[]}]}}"),
	       HEALTH_HEALTHY, "conditions that are none");
}

static void test_looked_at(void)
{
	is_int(judge("{\"metadata\":{\"generation\":12},\"status\":"
		     "{\"observedGeneration\":\"9\"}}"),
	       HEALTH_PROGRESSING, "a generation as text");
	is_int(judge("{\"metadata\":{\"generation\":12},\"status\":"
		     "{\"observedGeneration\":\"5f7c\"}}"),
	       HEALTH_HEALTHY, "a hash is no generation");
	is_int(judge("{}"), HEALTH_PROGRESSING, "nobody looked at it");
	is_int(judge_as("example.org", "Thing", "{}", false), HEALTH_HEALTHY,
	       "nobody will");
	is_int(judge("{\"status\":{\"observedGeneration\":1,\"replicas\":3,"
		     "\"readyReplicas\":2}}"),
	       HEALTH_PROGRESSING, "one replica is not ready");
	is_str(reason, "2 of 3 replicas are ready", "which it tells");
	is_int(judge("{\"status\":{\"observedGeneration\":1,"
		     "\"replicas\":3}}"),
	       HEALTH_HEALTHY, "a count that nobody makes");
	is_int(judge("{\"metadata\":{\"annotations\":"
		     "{\"cnpg.io/reconciliationLoop\":\"disabled\"}}}"),
	       HEALTH_SUSPENDED, "no loop looks at it");
	is_int(judge("{\"spec\":{\"suspend\":true}}"), HEALTH_SUSPENDED,
	       "suspended");
	is_int(judge("{\"metadata\":{\"annotations\":"
		     "{\"cnpg.io/hibernation\":\"on\"}}}"),
	       HEALTH_SUSPENDED, "paused by annotation");
}

static void test_table(void)
{
	is_int(judge_as("snapshot.storage.k8s.io", "VolumeSnapshot",
			"{\"status\":{\"readyToUse\":true}}", false),
	       HEALTH_HEALTHY, "a word of its own");
	is_int(judge_as("snapshot.storage.k8s.io", "VolumeSnapshot", "{}",
			false),
	       HEALTH_PROGRESSING, "that is missing");
	is_int(judge_as("snapshot.storage.k8s.io", "VolumeSnapshot",
			"{\"status\":{\"error\":{\"message\":\"x\"}}}", false),
	       HEALTH_FAILED, "any word");
	is_int(judge_as("a.k8s.elastic.co", "Thing", STATUS("health", "red"),
			false),
	       HEALTH_FAILED, "a group by its end");
	is_int(judge_as("argoproj.io", "Workflow", STATUS("phase", "odd"),
			false),
	       HEALTH_PROGRESSING, "a word that the table does not know");
	is_int(judge_as("source.toolkit.fluxcd.io", "HelmRepository",
			"{\"spec\":{\"type\":\"oci\"}}", true),
	       HEALTH_HEALTHY, "a kind without a controller");
	is_int(judge_as("argoproj.io", "Application",
			"{\"status\":{\"health\":{\"status\":"
			"\"Degraded\"}}}", true),
	       HEALTH_FAILED, "a word that is deeper");
	is_int(judge_as("kubevirt.io", "VirtualMachine",
			STATUS("printableStatus", "Stopped"), true),
	       HEALTH_SUSPENDED, "a machine that is off");
	is_int(judge_as("autoscaling", "HorizontalPodAutoscaler",
			"{\"status\":{\"currentReplicas\":1}}", true),
	       HEALTH_HEALTHY, "an autoscaler of version 1");
	is_int(judge_as("autoscaling", "HorizontalPodAutoscaler",
			CONDITION("ScalingLimited", "False", "x"), true),
	       HEALTH_PROGRESSING, "one that has not scaled yet");
	is_int(judge_as("policy", "PodDisruptionBudget", "{}", true),
	       HEALTH_PROGRESSING, "a budget nobody looked at");
	is_int(judge_as("", "Pod", "{\"status\":{\"phase\":\"Running\","
			"\"conditions\":[{\"type\":\"Ready\",\"status\":"
			"\"False\",\"reason\":\"ContainersNotReady\","
			"\"message\":\"containers with unready status: [web]"
			"\"}]}}", false),
	       HEALTH_PROGRESSING, "a pod whose probe fails");
	is_str(reason, "running, not ready: containers with unready status: "
	       "[web]", "and in which container");
}

int main(void)
{
	test_words();
	test_conditions();
	test_looked_at();
	test_table();
	arena_release(&arena);
	return tap_done();
}
