"""What is shown of quotas: the rules, the groups, and how somebody stands."""
