#!/usr/bin/env python3
"""Many good manifests, as people write them: one object a file, block YAML.

usage: manifests.py OBJECTS.json OUT COUNT
"""
import json
import os
import sys


def block(value, pad):
    if isinstance(value, dict) and value:
        return "".join(f"\n{pad}{key}:" + block(inner, pad + "  ")
                       for key, inner in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{pad}-" + item(inner, pad + "  ")
                       for inner in value)
    return " " + json.dumps(value)


def item(value, pad):
    if isinstance(value, (dict, list)) and value:
        return block(value, pad).replace("\n" + pad, " ", 1)
    return block(value, pad)


with open(sys.argv[1]) as file:
    objects = [entry["object"] for entry in json.load(file)]
os.makedirs(sys.argv[2])
for i in range(int(sys.argv[3])):
    o = objects[i % len(objects)]
    o["metadata"]["name"] = f"a-{i}"
    with open(f"{sys.argv[2]}/{i}.yaml", "w") as out:
        out.write(block(o, "").lstrip("\n") + "\n")
