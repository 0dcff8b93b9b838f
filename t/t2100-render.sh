#!/bin/bash
# windlass render: the bytes of a bundle, from files.
. "$(dirname "$0")/lib.sh"

mkdir -p src/sub
cat >src/web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  creationTimestamp: null
  uid: 1234
spec:
  replicas: 0x2
  paused: no
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
status: {replicas: 1}
---
kind: List
apiVersion: v1
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
END
cat >src/sub/secret.json <<'END'
{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"},
 "data": {"a": "YQ=="}, "stringData": {"b": "hunter2/"}}
END
label=applyset-$(perl -MDigest::SHA=sha256_base64 -e '
	print sha256_base64("prod..Channel.windlass.dev")' | tr '+/' '-_')-v1
options=(--channel prod --namespace shop --allow-secrets)

windlass render "${options[@]}" src >out 2>err
is "$?" 0 "render"
is "$(cat err)" "" "without a word"
is "$(cat out)" '{
  "apiVersion": "v1",
  "kind": "Namespace",
  "metadata": {
    "labels": {
      "applyset.kubernetes.io/part-of": "'"$label"'"
    },
    "name": "shop"
  }
}
{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": {
    "labels": {
      "applyset.kubernetes.io/part-of": "'"$label"'"
    },
    "name": "web",
    "namespace": "shop"
  },
  "spec": {
    "paused": false,
    "replicas": 2,
    "selector": {
      "matchLabels": {
        "a": "b"
      }
    },
    "template": {
      "metadata": {
        "labels": {
          "a": "b"
        }
      },
      "spec": {
        "containers": [
          {
            "image": "i",
            "name": "c"
          }
        ]
      }
    }
  }
}
{
  "apiVersion": "v1",
  "data": {
    "a": "YQ==",
    "b": "aHVudGVyMi8="
  },
  "kind": "Secret",
  "metadata": {
    "labels": {
      "applyset.kubernetes.io/part-of": "'"$label"'"
    },
    "name": "s",
    "namespace": "shop"
  }
}' "canonical, completed, sorted by path"
windlass render "${options[@]}" src/sub/secret.json src/web.yaml >again
is "$(cmp out again && echo same)" same "the same bytes whatever the order"
is "$(windlass yaml out | wc -l)" 3 "Kubernetes reads them"

# ---- a refused one ----

windlass render --namespace shop src >out 2>err
is "$?" 1 "a Secret is refused without leave"
is "$(cat out)" "" "and nothing is printed"
like "$(cat err)" '^src/sub/secret.json:1:10: error: .*\[secret-refused\]' \
	"but what is wrong"
windlass render src/nothing >out 2>err
is "$?" 2 "a file that is not there"
windlass render >out 2>err
is "$?" 129 "usage"

# ---- the tree of a bundle ----

windlass render "${options[@]}" -o tree src >out 2>err
is "$?" 0 "render -o"
is "$(cd tree && find . -type f | LC_ALL=C sort)" "./SHA256SUMS
./objects/SHA256SUMS
./objects/_cluster/SHA256SUMS
./objects/_cluster/core/Namespace/SHA256SUMS
./objects/_cluster/core/Namespace/shop.json
./objects/_cluster/core/SHA256SUMS
./objects/shop/SHA256SUMS
./objects/shop/apps/Deployment/SHA256SUMS
./objects/shop/apps/Deployment/web.json
./objects/shop/apps/SHA256SUMS
./objects/shop/core/SHA256SUMS
./objects/shop/core/Secret/SHA256SUMS
./objects/shop/core/Secret/s.json
./origins/SHA256SUMS
./origins/_cluster/SHA256SUMS
./origins/_cluster/core/Namespace
./origins/_cluster/core/SHA256SUMS
./origins/shop/SHA256SUMS
./origins/shop/apps/Deployment
./origins/shop/apps/SHA256SUMS
./origins/shop/core/SHA256SUMS
./origins/shop/core/Secret" "objects, origins and their sums"
is "$(cat tree/origins/shop/apps/Deployment tree/origins/_cluster/core/Namespace)" \
	"web src/web.yaml:1
shop src/web.yaml:17" "origins are the lines of the objects"
# shellcheck disable=SC2016
ok "the sums hold, by sha256sum alone" sh -c 'cd tree &&
	find . -name SHA256SUMS -execdir sha256sum -c --strict --quiet {} +'
names=$(find tree -name SHA256SUMS | while read -r sums; do
	dir=${sums%/*}
	diff <(sed 's/^.\{66\}//; s,/SHA256SUMS$,,' "$sums") \
		<(find "$dir" -mindepth 1 -maxdepth 1 ! -name SHA256SUMS \
			-printf '%f\n' | LC_ALL=C sort) >/dev/null || echo "$sums"
done)
is "$names" "" "they name all entries and no others"
is "$(cat out)" "3 objects, Content-SHA256 $(sha256sum <tree/SHA256SUMS | cut -c1-64)" \
	"the root's digest is what a bundle says"
windlass render "${options[@]}" -o tree src >out 2>err
is "$?" 1 "a directory that is in use"
like "$(cat err)" "'tree' is not empty" "is left alone"
mkdir made
ok "an empty one will do" windlass render "${options[@]}" -o made src
is "$(diff -r tree made && echo same)" same "and gets the same tree"

done_testing
