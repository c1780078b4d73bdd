from django import forms


class RecipientForm(forms.Form):
    email = forms.CharField(max_length=254, strip=True)
    name = forms.CharField(max_length=150, required=False)
    gets_pdf = forms.BooleanField(required=False)


class ScheduleForm(forms.Form):
    freeze_at = forms.CharField(max_length=20)
    mails_on_publishing = forms.BooleanField(required=False)
