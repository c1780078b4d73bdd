"""/api/v1/ as every app writes it: resources that are read, problems, paging, and what is in AWS
Organizations.

An app has its resources in `api`, with `addresses` of their own: posture.api.addresses joins them.
"""
