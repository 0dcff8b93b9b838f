#!/usr/bin/env python3
"""JSON schemas for kubeconform out of an API server's OpenAPI v3 documents.

usage: json-schemas.py DOCUMENTS OUT

One file a kind, <kind>-<group>-<version>.json, with what it leads to and
nothing else; unknown fields are refused, as with the strict schemas that
kubeconform's users download.
"""
import glob
import json
import os
import sys

META = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def strip(node):
    if isinstance(node, list):
        return [strip(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {k: strip(v) for k, v in node.items()
            if not (k == "description" and isinstance(v, str))}
    if isinstance(node.get("properties"), dict) and \
            "additionalProperties" not in node and "type" in node:
        node["additionalProperties"] = False
    return node


def references(node, found):
    if isinstance(node, list):
        for item in node:
            references(item, found)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                found.add(value.rsplit("/", 1)[1])
            references(value, found)


def closure(schemas, name):
    todo, done = [name], {}
    while todo:
        name = todo.pop()
        if name not in done:
            done[name] = schemas[name]
            found = set()
            references(schemas[name], found)
            todo += found
    return done


os.makedirs(sys.argv[2])
for path in glob.glob(sys.argv[1] + "/*.json"):
    with open(path) as file:
        schemas = strip(json.load(file)).get("components", {}).get("schemas", {})
    for name, schema in schemas.items():
        gvk = schema.get("x-kubernetes-group-version-kind", [])
        if len(gvk) != 1 or META not in json.dumps(schema):
            continue
        group = gvk[0]["group"].split(".")[0]
        file = "-".join(p for p in (gvk[0]["kind"].lower(), group,
                                    gvk[0]["version"]) if p)
        with open(f"{sys.argv[2]}/{file}.json", "w") as out:
            json.dump({"$ref": "#/components/schemas/" + name,
                       "components": {"schemas": closure(schemas, name)}}, out)
