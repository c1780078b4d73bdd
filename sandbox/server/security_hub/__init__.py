"""Security Hub's answers: findings, controls and standards, and the V2 operations."""
