"""The rules of the restricted pod security standard, all of those that the API server checks, baseline's included.

See: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
}
_SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(pod: Document) -> list[str]:
    """What of a pod's specification the standard forbids."""
    return [*_of_pod(pod), *(f"{c['name']}: {told}" for c in _containers(pod) for told in _of_container(pod, c))]


def _containers(pod: Document) -> list[Document]:
    return [*pod.get("initContainers", []), *pod.get("ephemeralContainers", []), *pod["containers"]]


def _of_pod(pod: Document) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield key
    for volume in pod.get("volumes", []):
        if not volume.keys() <= {"name", *_VOLUMES}:
            yield f"volume {volume['name']}"
    context = pod.get("securityContext", {})
    for one in context.get("sysctls", []):
        if one["name"] not in _SYSCTLS:
            yield f"sysctl {one['name']}"
    yield from _of_context(context)


def _of_context(context: Document) -> Iterator[str]:
    """What is forbidden to a pod's context as to a container's."""
    if context.get("runAsUser") == 0:
        yield "runAsUser 0"
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot false"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"
    if context.get("seccompProfile", {}).get("type") == "Unconfined":
        yield "seccompProfile Unconfined"
    if context.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield "appArmorProfile Unconfined"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"


def _of_container(pod: Document, container: Document) -> Iterator[str]:
    context = container.get("securityContext", {})
    whole = pod.get("securityContext", {}) | context
    yield from _of_context(context)
    if context.get("privileged"):
        yield "privileged"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if whole.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if whole.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are not dropped"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"
    for hook in (*container.get("lifecycle", {}).values(), *_probes(container)):
        for way in ("httpGet", "tcpSocket"):
            if hook.get(way, {}).get("host"):
                yield "a probe names a host"


def _probes(container: Document) -> list[Document]:
    return [container[name] for name in ("livenessProbe", "readinessProbe", "startupProbe") if name in container]
