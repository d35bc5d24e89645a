"""Workloads of apps/v1: objects that want a number of Pods made after a template.

Upstream: pkg/registry/apps, pkg/apis/apps.
"""
