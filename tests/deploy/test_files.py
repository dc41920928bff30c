"""The files that start clusters are valid where a validator exists, fit together, and fit this version."""

import copy
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
from ray.autoscaler._private.util import prepare_config, validate_config
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.34"
"""Version whose schemas are used."""

(RAY,) = (
    line.partition("==")[2]
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    if line.startswith("ray[")
)


def read(name):
    return YAML(typ="safe").load((DEPLOY / name).read_text())


def cluster(name):
    """Return the cluster that a file for KubeRay describes."""
    spec = read(f"kubernetes/{name}.yaml")["spec"]
    return spec.get("rayClusterSpec", spec)


def templates(ray_cluster):
    return [group["template"] for group in (ray_cluster["headGroupSpec"], *ray_cluster["workerGroupSpecs"])]


def check_pod(template):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": template["spec"]}
    kubernetes_validate.validate(pod, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", ["rayjob", "raycluster"])
def test_pod_templates_are_valid(name):
    for template in templates(cluster(name)):
        check_pod(template)
        wrong = copy.deepcopy(template)
        wrong["spec"]["containers"][0]["imagePolicy"] = "Always"
        with pytest.raises(kubernetes_validate.ValidationError):
            check_pod(wrong)


def test_the_volume_is_valid_and_is_the_one_that_pods_mount():
    volume = read("kubernetes/volume.yaml")
    kubernetes_validate.validate(volume, KUBERNETES, strict=True)
    claims = {
        part["persistentVolumeClaim"]["claimName"]
        for name in ("rayjob", "raycluster")
        for template in templates(cluster(name))
        for part in template["spec"]["volumes"]
    }
    assert claims == {volume["metadata"]["name"]}


def test_a_job_has_the_same_cluster_as_one_that_stays():
    assert cluster("rayjob") == cluster("raycluster")


def test_workers_have_time_to_leave_their_trials_before_the_pod_ends():
    for group in cluster("raycluster")["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        command = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        assert Path(command[1]).relative_to("/opt/hpo") == Path("deploy/leave_node.py")
        assert int(command[command.index("--seconds") + 1]) < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", ["launcher", "ssh"])
def test_files_of_the_cluster_launcher_are_valid(name):
    document = read(f"{name}/cluster.yaml")
    validate_config(prepare_config(copy.deepcopy(document)))
    with pytest.raises(jsonschema.ValidationError):
        validate_config(prepare_config(document | {"worker_setup": []}))


def test_every_file_names_the_version_of_ray_that_hpo_needs():
    texts = {
        path: path.read_text()
        for path in DEPLOY.rglob("*")
        if path.is_file() and "__pycache__" not in str(path)
    }
    versions = [found for text in texts.values() for found in re.findall(r"\b2\.\d\d\.\d\b", text)]
    assert len(versions) >= 5
    assert set(versions) == {RAY}


def test_every_link_leads_to_a_file():
    for page in DEPLOY.rglob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), (page, target)


@pytest.mark.parametrize(
    "path", [*DEPLOY.rglob("*.sh"), *DEPLOY.rglob("*.sbatch")], ids=lambda path: path.name
)
def test_shell_scripts_can_be_parsed(path):
    shell = "bash" if path.suffix == ".sbatch" else "sh"
    subprocess.run([shutil.which(shell), "-n", str(path)], check=True)
