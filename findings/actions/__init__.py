"""What people do with findings: saved views, bulk changes of workflow, imports."""
