-- No session breaks a business rule without a flag that says so.
{{ test_business_rules() }}
