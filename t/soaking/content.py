"""What developers push: objects of several channels, as a plain model.

A model is a dict: channel -> {(namespace, kind, name): object}. The objects
are what the files say; `expected` is what a bundle makes of one. Every
random choice is made with the generator that is passed in.
"""
import base64
import copy
import json

GROUP = 'soak.example.org'
NAMESPACES = ('soak-a', 'soak-b', 'soak-c')
CHANNELS = ('base', 'apps', 'custom', 'spare')
HOLD = 'soak.example.org/hold'
# one that passes every check, and that the API server refuses
REFUSED = ('soak-a', 'Service', 'refused')
# where all is that channels manage
LISTS = ['/api/v1/' + plural for plural in
         ('configmaps', 'secrets', 'services', 'serviceaccounts',
          'namespaces')] + [
    '/apis/apps/v1/deployments',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    f'/apis/{GROUP}/v1/widgets', f'/apis/{GROUP}/v1/gadgets']

GROUPS = {
    'Deployment': 'apps/v1', 'Widget': GROUP + '/v1', 'Gadget': GROUP + '/v1',
    'ClusterRole': 'rbac.authorization.k8s.io/v1',
    'CustomResourceDefinition': 'apiextensions.k8s.io/v1',
}
CLUSTER_SCOPED = ('Namespace', 'ClusterRole', 'CustomResourceDefinition')


def key_of(obj):
    meta = obj['metadata']
    return (meta.get('namespace', ''), obj['kind'], meta['name'])


def bundle_path(key, api):
    namespace, kind, name = key
    group = api.rpartition('/')[0] or 'core'
    return f'objects/{namespace or "_cluster"}/{group}/{kind}/{name}.json'


def make(kind, name, namespace='', **rest):
    obj = {'apiVersion': GROUPS.get(kind, 'v1'), 'kind': kind,
           'metadata': {'name': name}}
    if namespace:
        obj['metadata']['namespace'] = namespace
    obj.update(rest)
    return obj


def config_map(name, namespace, text, size=0):
    data = {'text': text}
    for i in range(size):
        data[f'line-{i}'] = f'{text} {i} ' + 'x' * 40
    return make('ConfigMap', name, namespace, data=data)


def secret(name, namespace, canary):
    return make('Secret', name, namespace, stringData={'token': canary})


def deployment(name, namespace, tag, replicas):
    return make('Deployment', name, namespace, spec={
        'replicas': replicas,
        'selector': {'matchLabels': {'app': name}},
        'template': {
            'metadata': {'labels': {'app': name}},
            'spec': {'containers': [{'name': 'main',
                                     'image': f'soak.example.org/app:{tag}'}]},
        }})


def service(name, namespace, port):
    return make('Service', name, namespace, spec={
        'selector': {'app': name}, 'ports': [{'name': 'http', 'port': port}]})


def definition(kind):
    plural = kind.lower() + 's'
    return make('CustomResourceDefinition', f'{plural}.{GROUP}', spec={
        'group': GROUP, 'scope': 'Namespaced',
        'names': {'plural': plural, 'singular': kind.lower(), 'kind': kind,
                  'listKind': kind + 'List'},
        'versions': [{'name': 'v1', 'served': True, 'storage': True, 'schema': {
            'openAPIV3Schema': {'type': 'object', 'properties': {
                'spec': {'type': 'object', 'properties': {
                    'text': {'type': 'string'},
                    'size': {'type': 'integer', 'minimum': 0}}}}}}}]})


def custom(kind, name, namespace, text):
    return make(kind, name, namespace, spec={'text': text, 'size': len(text)})


def role(name, verbs):
    return make('ClusterRole', name, rules=[
        {'apiGroups': [''], 'resources': ['configmaps'], 'verbs': verbs}])


def annotate(obj, key, value):
    obj['metadata'].setdefault('annotations', {})[key] = value
    return obj


def canary(rng):
    return 'canary-%032x' % rng.getrandbits(128)


def first_model(rng, size):
    """The first push: `size` ConfigMaps a channel, and some of all else."""
    model = {channel: {} for channel in CHANNELS}

    def add(channel, obj):
        model[channel][key_of(obj)] = obj

    for namespace in NAMESPACES:
        add('base', make('Namespace', namespace))
    add('base', definition('Widget'))
    add('base', role('soak-reader', ['get', 'list']))
    for i in range(size):
        add('apps', config_map(f'app-{i}', 'soak-a', 'first'))
        add('custom', config_map(f'custom-{i}', 'soak-b', 'first', i % 7))
        add('spare', config_map(f'spare-{i}', 'soak-c', 'first'))
    for i in range(4):
        add('apps', secret(f'secret-{i}', 'soak-a', canary(rng)))
        add('custom', custom('Widget', f'widget-{i}', 'soak-b', 'first'))
    for i in range(3):
        add('apps', deployment(f'web-{i}', 'soak-a', 'first', 1 + i))
        add('apps', service(f'web-{i}', 'soak-a', 8000 + i))
    add('apps', make('ServiceAccount', 'runner', 'soak-a'))
    add('custom', annotate(definition('Gadget'),
                           'windlass.dev/prune', 'cascade'))
    for i in range(4):
        add('custom', custom('Gadget', f'gadget-{i}', 'soak-b', 'first'))
    return model


def expected(obj):
    """The object of a file as a bundle has it, without windlass' label."""
    obj = copy.deepcopy(obj)
    text = obj.pop('stringData', None)
    if text:
        obj['data'] = {k: base64.b64encode(v.encode()).decode()
                       for k, v in text.items()}
    return obj


def within(want, have, path=''):
    """Where `have` lacks something of `want`; '' if nowhere."""
    if isinstance(want, dict) and isinstance(have, dict):
        for k, v in want.items():
            if k not in have:
                return f'{path}/{k} is missing'
            found = within(v, have[k], f'{path}/{k}')
            if found:
                return found
        return ''
    if isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            return f'{path} has {len(have)} items, not {len(want)}'
        for i, v in enumerate(want):
            found = within(v, have[i], f'{path}/{i}')
            if found:
                return found
        return ''
    return '' if want == have else f'{path} is another value'


def text_of(obj):
    return json.dumps(obj, indent=1, sort_keys=True) + '\n'


# ---- changes: each takes (rng, model, number) and changes the model ----
# Only those that leave it as it was return False.

def create(rng, model, number):
    channel = rng.choice(('apps', 'custom', 'spare'))
    namespace = {'apps': 'soak-a', 'custom': 'soak-b', 'spare': 'soak-c'}
    namespace = namespace[channel]
    if len(model[channel]) > 120:
        return False
    for i in range(rng.randint(1, 6)):
        name = f'new-{number}-{i}'
        what = rng.random()
        if channel == 'apps' and what < .2:
            obj = secret(name, namespace, canary(rng))
        elif channel == 'apps' and what < .35:
            obj = deployment(name, namespace, f'v{number}', rng.randint(0, 3))
        elif channel == 'custom' and what < .3:
            obj = custom('Widget', name, namespace, f'v{number}')
        else:
            obj = config_map(name, namespace, f'v{number}', rng.randint(0, 9))
        model[channel][key_of(obj)] = obj
    return True


def change(rng, model, number):
    channel = rng.choice(('base', 'apps', 'apps', 'custom', 'spare'))
    keys = sorted(model[channel])
    done = False
    for key in rng.sample(keys, min(len(keys), rng.randint(1, 8))):
        obj = model[channel][key] = copy.deepcopy(model[channel][key])
        kind = key[1]
        if kind == 'ConfigMap':
            obj['data']['text'] = f'v{number}'
        elif kind == 'Secret':
            obj['stringData'] = {'token': canary(rng)}
        elif kind == 'Deployment':
            spec = obj['spec']
            spec['replicas'] = rng.randint(0, 3)
            spec['template']['spec']['containers'][0]['image'] = \
                f'soak.example.org/app:v{number}'
        elif kind in ('Widget', 'Gadget'):
            obj['spec']['text'] = f'v{number}'
        elif kind == 'ClusterRole':
            obj['rules'][0]['verbs'] = ['get', 'list', f'soak{number}']
        elif kind == 'Service':
            obj['spec']['ports'][0]['port'] = 9000 + number % 1000
        else:
            continue
        done = True
    return done


def change_one(rng, model, number, path):
    for key, obj in model['apps'].items():
        if bundle_path(key, obj['apiVersion']) == path:
            obj = model['apps'][key] = copy.deepcopy(obj)
            obj['data']['text'] = f'v{number}'
            return True
    return False


def change_all(rng, model, number):
    """Every ConfigMap of one channel: a rollout that takes its time."""
    channel = rng.choice(('apps', 'custom', 'spare'))
    for key in sorted(model[channel]):
        if key[1] == 'ConfigMap':
            obj = model[channel][key] = copy.deepcopy(model[channel][key])
            obj['data']['text'] = f'all-{number}'
    return True


def fields_go(rng, model, number):
    """Fields come and go: what a bundle does not set any more is taken out."""
    key = rng.choice(sorted(k for k in model['custom']
                            if k[1] == 'ConfigMap'))
    obj = model['custom'][key] = copy.deepcopy(model['custom'][key])
    data = obj['data']
    lines = sorted(k for k in data if k.startswith('line-'))
    if lines and rng.random() < .6:
        del data[rng.choice(lines)]
    else:
        data[f'line-{number}'] = f'v{number}'
    return True


def delete(rng, model, number):
    channel = rng.choice(('apps', 'custom', 'spare'))
    keys = sorted(k for k, o in model[channel].items() if k[1] in
                  ('ConfigMap', 'Secret', 'Widget') and k[0] != 'soak-tmp' and
                  'annotations' not in o['metadata'] and
                  'finalizers' not in o['metadata'])
    if len(keys) < 15:
        return False
    for key in rng.sample(keys, rng.randint(1, 5)):
        del model[channel][key]
    return True


def delete_many(rng, model, number):
    """More than deleteLimit: needs a word of the developer."""
    keys = sorted(k for k in model['spare'] if k[1] == 'ConfigMap' and
                  k[0] != 'soak-tmp')
    if len(keys) < 22:
        return False
    for key in rng.sample(keys, rng.randint(11, len(keys) - 10)):
        del model['spare'][key]
    return True


def move(rng, model, number):
    """From one channel to another, in one push."""
    a, b = rng.sample(('apps', 'custom', 'spare'), 2)
    keys = sorted(k for k, o in model[a].items() if k[1] == 'ConfigMap' and
                  k[0] != 'soak-tmp' and 'annotations' not in o['metadata'] and
                  'finalizers' not in o['metadata'])
    if len(keys) < 12:
        return False
    for key in rng.sample(keys, rng.randint(1, 3)):
        model[b][key] = model[a].pop(key)
    return True


def definition_goes(rng, model, number):
    """A definition and its objects go together, and come back."""
    custom_objects = model['custom']
    gone = [k for k in custom_objects if k[1] == 'Gadget' or
            k[2] == f'gadgets.{GROUP}']
    if gone:
        for key in gone:
            del custom_objects[key]
        return True
    obj = annotate(definition('Gadget'), 'windlass.dev/prune', 'cascade')
    custom_objects[key_of(obj)] = obj
    for i in range(rng.randint(1, 6)):
        obj = custom('Gadget', f'gadget-{i}', 'soak-b', f'v{number}')
        custom_objects[key_of(obj)] = obj
    return True


def namespace_goes(rng, model, number):
    """So does a namespace with what is in it."""
    gone = [k for k in model['spare'] if k[0] == 'soak-tmp' or
            k[1] == 'Namespace']
    if gone:
        for key in gone:
            del model['spare'][key]
        return True
    obj = make('Namespace', 'soak-tmp')
    model['spare'][key_of(obj)] = obj
    for i in range(3):
        obj = config_map(f'tmp-{i}', 'soak-tmp', f'v{number}')
        model['spare'][key_of(obj)] = obj
    return True


def keep_goes(rng, model, number):
    """One that says prune: "false" goes, and must stay in the cluster."""
    keys = sorted(k for k, o in model['apps'].items() if
                  o['metadata'].get('annotations', {})
                  .get('windlass.dev/prune') == 'false')
    if keys:
        del model['apps'][keys[0]]
        return True
    obj = annotate(config_map(f'keep-{number}', 'soak-a', f'v{number}'),
                   'windlass.dev/prune', 'false')
    model['apps'][key_of(obj)] = obj
    return True


def held_goes(rng, model, number):
    """One with a finalizer: its delete waits for somebody."""
    keys = sorted(k for k, o in model['apps'].items()
                  if 'finalizers' in o['metadata'])
    if keys:
        del model['apps'][keys[0]]
        return True
    obj = config_map(f'held-{rng.randint(0, 1)}', 'soak-a', f'v{number}')
    obj['metadata']['finalizers'] = [HOLD]
    model['apps'][key_of(obj)] = obj
    return True


CHANGES = ((change, 30), (create, 14), (delete, 10), (change_all, 10),
           (fields_go, 8), (move, 8), (definition_goes, 4),
           (namespace_goes, 4), (keep_goes, 5), (held_goes, 5),
           (delete_many, 3))


# ---- pushes that must be refused: path and text of a bad file ----

def bad_file(rng, number):
    hidden = canary(rng)
    path, text = rng.choice((
        ('apps/bad.yaml', 'kind: [\n'),
        ('apps/bad.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: '
         '{name: bad, namespace: soak-a}\ndate: {text: x}\n'),
        ('custom/bad.yaml', f'apiVersion: {GROUP}/v1\nkind: Widget\nmetadata: '
         '{name: bad, namespace: soak-b}\nspec: {size: many}\n'),
        ('custom/bad.yaml', f'apiVersion: {GROUP}/v1\nkind: Unknown\n'
         'metadata: {name: bad, namespace: soak-b}\n'),
        ('apps/bad.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: '
         f'{{name: bad, namespace: soak-a}}\ndata: {{token: "{hidden}!"}}\n'),
        ('spare/bad.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: '
         '{name: Bad_Name, namespace: soak-c}\n'),
        ('base/bad.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: '
         '{name: bad, namespace: soak-a}\nspec: {replicas: 1}\n'),
    ))
    return 'deploy/' + path, text, hidden
